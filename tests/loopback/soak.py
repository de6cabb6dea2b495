"""Thousands of jobs, with faults at random: every job has one outcome, and neither memory nor open files grow.

`python -m tests.loopback.soak JOBS [SEED [SECONDS]]` prints the table, having asked for so many seconds at the most;
`test_soak` does it for a few. The bot's process is killed and started again on the way, tokens expire early, and of
Discord's answers some are lost, errors or no answers.
"""

import asyncio
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiohttp import web

from tests.loopback.discord_server import Discord, Fault, serve
from tests.loopback.killing import PLACES, UNFINISHED, Killer
from tests.loopback.load import machine
from tests.loopback.messages import Message
from tests.loopback.state import AWAY
from tests.loopback.wire import ALICE, respond

KINDS: Final = ("drawing",) * 5 + ("question", "question", "private", "enlargement", "reply")
MEMBERS: Final = 10
OPEN: Final = 60  # jobs at once
SHARE: Final = 0.06  # of the requests that meet a fault before they arrive; half as many do when they have
EXPIRED: Final = 0.02  # of the interactions whose tokens end early
LIVES: Final = 20  # of the process: the last one has a third of the jobs, to be watched
CALLS: Final = ("/interactions/", "/webhooks/", "/channels/", "/cdn/")
OWED: Final = (10008, 10015, 10062, 40060, 50027)  # refusals that lost receipts, kills and expired tokens lead to


def answering(status: int, body: dict[str, object], **headers: str) -> Fault:
    async def fault(request: web.Request) -> web.Response:
        await request.read()
        return respond(body, status, **headers)

    fault.__name__ = f"{status} {body.get('code', '')}".strip()
    return fault


async def reset(request: web.Request) -> web.Response:
    await request.content.read(500)
    assert request.transport
    request.transport.abort()
    return web.Response()


async def page(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(text="<html>Access denied</html>", status=403, content_type="text/html")


async def cut_short(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=b'{"id": "1', headers={"Content-Type": "application/json"})


LIMIT: Final[dict[str, object]] = {"message": "You are being rate limited.", "retry_after": 0.1, "global": False}
PASSING: Final = (
    reset,
    page,
    cut_short,
    answering(500, {}),
    answering(503, {}),
    answering(429, LIMIT, Via="1.1 google"),
    answering(429, {"message": "slow down"}),
)
DOUBTFUL: Final = (  # what one answer alone does not prove
    answering(404, {"message": "Unknown Message", "code": 10008}),
    answering(404, {"message": "Unknown Webhook", "code": 10015}),
    answering(401, {"message": "Invalid Webhook Token", "code": 50027}),
)


@dataclass(frozen=True)
class Reading:
    """What a process took at a moment of its life."""

    jobs: int  # that it has seen
    megabytes: float
    files: int  # open ones, sockets among them


@dataclass
class Weather:
    """Faults at random. One that is to be doubted never comes twice in a row."""

    killer: Killer
    met: Counter[str] = field(default_factory=Counter)
    doubted: set[str] = field(default_factory=set)

    def __call__(self, request: web.Request, arrived: bool) -> Fault | None:
        chance, path = self.killer.chance, request.path
        if not any(call in path for call in CALLS) or chance.random() >= (SHARE / 2 if arrived else SHARE):
            self.doubted.discard(path)
            return None
        doubtful = not arrived and "/cdn/" not in path and path not in self.doubted
        fault = chance.choice([*PASSING, *DOUBTFUL] if doubtful else PASSING)
        (self.doubted.add if fault in DOUBTFUL else self.doubted.discard)(path)
        self.met[f"{fault.__name__}{', arrived' if arrived else ''}"] += 1
        return fault


class Soak(Killer):
    """A killer who lets things happen, too."""

    def __init__(self, server: Discord, folder: Path, seed: int, until: float) -> None:
        super().__init__(server, folder, seed)
        self.until = until  # by the loop's clock: then nothing more is asked for
        self.weather = Weather(self)
        self.expired = 0
        self.lives: list[list[Reading]] = []
        self._done_before = 0

    async def start(self) -> None:
        await super().start()
        self._done_before = self.number
        self.lives.append([])

    async def go_on(self, until: int) -> None:
        """Ask until so many have been asked, never for too many at once."""
        while self.number < until and asyncio.get_running_loop().time() < self.until:
            if len([job for job in self.jobs() if job["state"] in UNFINISHED]) < OPEN:
                for _ in range(OPEN // 4):
                    await self._ask_for_something()
            self.look()
            await asyncio.sleep(0.1)

    async def _ask_for_something(self) -> None:
        place = self.chance.choice(PLACES)
        number = self.chance.randrange(MEMBERS) if place != "direct" else 0
        self.server.member = ALICE | {"id": str(int(ALICE["id"]) + number), "username": f"member{number}"}
        kind = self.chance.choice(KINDS)
        await self.ask("server" if kind == "reply" and place == "elsewhere" else place, kind)
        if self.chance.random() < EXPIRED:
            self.expired += 1
            asyncio.get_running_loop().call_later(self.chance.uniform(0.2, 2), self._expire)

    def _expire(self) -> None:
        newest = next(reversed(self.server.interactions.values()))
        newest.born -= 2 * self.server.token_seconds

    def look(self) -> None:
        """Note what the process takes."""
        assert self.process
        with suppress(OSError, ValueError, IndexError):  # it may have gone
            place = Path(f"/proc/{self.process.pid}")
            told = place.joinpath("status").read_text().partition("VmRSS:")[2].split()
            files = len(list(place.joinpath("fd").iterdir()))
            self.lives[-1].append(Reading(self.number - self._done_before, int(told[0]) / 1024, files))

    def _is_beyond_reach(self, message: Message) -> bool:
        """Whether only its interaction's token, which is dead, could change a message."""
        tokens = [one for one in self.server.interactions.values() if one.original is message]
        dead = bool(tokens) and all(one.age > self.server.token_seconds for one in tokens)
        return dead and (message.ephemeral or message.channel_id == AWAY)

    def report(self, seconds: float) -> Iterator[str]:
        jobs = self.jobs()
        yield f"{self.number} asked for, {len(jobs)} jobs, {self.tally.kills} kills, in {seconds:.0f} s"
        yield f"ended as: {dict(Counter(job['state'] for job in jobs).most_common())}"
        yield f"faults: {self.weather.met.total()}, {dict(self.weather.met.most_common())}"
        yield f"tokens that expired early: {self.expired}"
        refusals = Counter(str(refused.body["code"]) for _, _, refused in self.server.refusals)
        yield f"refused by Discord: {dict(refusals.most_common())}"
        for reading in _spread(max(self.lives, key=len)):
            yield f"  after {reading.jobs:>5} jobs: {reading.megabytes:.0f} MB, {reading.files} open files"
        yield from self.tally.lines()


def _spread(life: list[Reading], parts: int = 8) -> Iterator[Reading]:
    """Pick some readings of a life, from its beginning to its end."""
    for part in range(parts + 1):
        if life:
            yield life[(len(life) - 1) * part // parts]


async def soak(folder: Path, jobs: int, seed: int, seconds: float, lives: int = LIVES) -> Soak:
    """Have so many jobs done, or as many as there is time for; return what was found."""
    async with serve() as server:
        server.limits.enabled = False
        soak = Soak(server, folder, seed, asyncio.get_running_loop().time() + seconds)
        try:
            await soak.prepare()
            server.mishap = soak.weather
            for life in range(1, lives):
                await soak.go_on(jobs * 2 // 3 * life // (lives - 1))
                await soak.kill()
                await soak.start()
            await soak.go_on(jobs)
            server.mishap = None
            await soak.settle()
            soak.look()
            soak.judge()
            bad = [refused for refused in server.refusals if refused[2].body["code"] not in OWED]
            soak.tally.wrong += [f"Discord refused {refused}" for refused in bad]
        finally:
            await soak.end()
        return soak


def main(jobs: str, seed: str = "0", seconds: str = "1e9") -> None:
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # the bot goes in the middle of its requests
    sys.stdout.write(f"{machine()}\n")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        done = asyncio.run(soak(Path(folder), int(jobs), int(seed), float(seconds)))
        sys.stdout.write("\n".join(done.report(time.monotonic() - begun)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
