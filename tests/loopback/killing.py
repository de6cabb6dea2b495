"""Kills the bot's process at random moments, again and again, and looks at what becomes of every job.

`python -m tests.loopback.killing KILLS [SEED [TOKEN_SECONDS]]` prints the table; `test_killing` does it for a shorter
while. Where the tokens of interactions live for a few seconds, most of them are dead when a process goes on.
"""

import asyncio
import io
import json
import random
import signal
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from PIL import Image

from bot.store.database import FILE
from bot.texts import ENGLISH
from tests.bot.samples import png
from tests.loopback import mortal
from tests.loopback.discord_server import Discord, serve
from tests.loopback.messages import Message
from tests.loopback.refusals import ApiError
from tests.loopback.state import AWAY, HERE, PRIVATE
from tests.loopback.wire import BOT, walk

PLACES: Final = ("server", "elsewhere", "direct")  # elsewhere: a server that the bot is no member of
MOMENTS: Final = (  # requests at which the process is killed: before Discord has taken them, or after
    ("POST", "/callback"),
    ("PATCH", "@original"),
    ("PATCH", "@original"),
    ("POST", "/channels/"),
    ("PATCH", "/channels/"),
    ("GET", "/cdn/"),
)
UNFINISHED: Final = ("accepted", "running", "made")
ON_THE_WAY: Final = (ENGLISH.reading_picture, ENGLISH.received, ENGLISH.started, ENGLISH.thinking, ENGLISH.finishing)
SECONDS: Final = 60.0  # that everything has, after the last kill of a round, to be over
PATIENCE: Final = 1.5  # that a moment has to come


@dataclass
class Tally:
    """What was found."""

    kills: int = 0
    table: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # what, its state at a kill, how it ended
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Print the table."""
        yield f"{'job':<24} {'state when killed':<18} {'ended as':<28} {'times':>5}"
        for (what, state, ended), times in sorted(self.table.items()):
            yield f"{what:<24} {state:<18} {ended:<28} {times:>5}"
        yield f"{self.kills} kills, {sum(self.table.values())} jobs met, {len(self.wrong)} wrong"
        yield from self.wrong


class Killer:
    """One small Discord with one member, and the bot's process, which dies."""

    def __init__(self, server: Discord, folder: Path, seed: int, *, token_seconds: float = 14 * 60.0) -> None:
        self.server = server
        self.folder = folder
        self.chance = random.Random(seed)
        self.token_seconds = token_seconds
        self.tally = Tally()
        self.process: asyncio.subprocess.Process | None = None
        self.met: dict[str, list[str]] = {}  # job: its states when the process was killed
        self.bases: dict[str, Message] = {}  # by place, a drawing to enlarge
        self.number = 0

    # -- the process --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        self.server.identified.clear()
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.loopback.mortal",
                self.server.base,
                str(self.folder),
                str(self.token_seconds),
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(SECONDS):
            await self.server.identified.wait()

    async def kill(self) -> None:
        """Kill it at some moment, and take note of where each job stood."""
        assert self.process
        process = self.process

        async def die(request: web.Request) -> web.Response:
            if self.chance.random() < 0.5:
                await request.content.read(500)  # in the middle of an upload
            process.kill()
            return web.Response(status=500)

        way = self.chance.random()
        if way < 0.6:
            where = self.server.faults if self.chance.random() < 0.5 else self.server.losses
            where.append((*self.chance.choice(MOMENTS), die))
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await process.wait()
        else:
            await asyncio.sleep(self.chance.uniform(0, 1.2))
        if way > 0.85 and process.returncode is None:
            process.send_signal(signal.SIGTERM)  # in order; or, told twice, at once
            await asyncio.sleep(self.chance.uniform(0, 0.6))
            if self.chance.random() < 0.5 and process.returncode is None:
                process.send_signal(signal.SIGTERM)
        else:
            with suppress(ProcessLookupError):
                process.kill()
        async with asyncio.timeout(SECONDS):
            await process.wait()
        self.server.faults.clear()
        self.server.losses.clear()
        self.tally.kills += 1
        for job in self.jobs():
            if job["state"] in UNFINISHED or (job["state"] in ("failed", "cancelled") and job["told"] is None):
                self.met.setdefault(job["id"], []).append(job["state"])

    async def end(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def jobs(self) -> Sequence[sqlite3.Row]:
        with sqlite3.connect(self.folder / FILE, timeout=30) as file:
            file.row_factory = sqlite3.Row
            rows = file.execute("SELECT * FROM jobs").fetchall()
        file.close()
        return rows

    # -- the member ---------------------------------------------------------------------------------------------------

    async def ask(self, place: str, kind: str) -> None:
        """Have alice ask for something."""
        self.number += 1
        server = self.server
        server.user_installed = place == "elsewhere"
        server.here = PRIVATE if place == "direct" else HERE
        picture = ("cat.png", png((20, 16), self.chance.choice(["red", "green", "blue"])))
        match kind:
            case "drawing":
                await server.slash("imagine", prompt=f"{self.number}", seed=self.number * 10, count=2)
            case "question":
                await server.slash("ask", image=picture, question=f"{self.number}?")
            case "private":
                await server.slash("ask", image=picture, question=f"{self.number}?", private=True)
            case "reply":
                await server.say(f"<@{BOT['id']}> {self.number}?", picture)
            case "enlargement":
                await server.press(self.bases[place], ENGLISH.enlarge)
        server.user_installed = False
        server.here = HERE

    async def ask_for_much(self) -> None:
        for _ in range(self.chance.randint(2, 8)):
            place = self.chance.choice(PLACES)
            kinds = ["drawing", "question", "private", "enlargement"] + ["reply"] * (place != "elsewhere")
            await self.ask(place, self.chance.choice(kinds))
            await asyncio.sleep(self.chance.choice([0.0, 0.0, 0.3]))

    async def prepare(self) -> None:
        """Have what is there to be enlarged drawn, in each place."""
        await self.start()
        for place in PLACES:
            self.server.user_installed = place == "elsewhere"
            self.server.here = PRIVATE if place == "direct" else HERE
            token = await self.server.slash("imagine", prompt="base", seed=7, count=1)
            async with asyncio.timeout(SECONDS):
                while token not in self.server.messages or not self.server.messages[token].files:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            self.bases[place] = self.server.messages[token]
            self.server.user_installed = False

    # -- what becomes of it -------------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Wait until nothing is on its way any more."""
        async with asyncio.timeout(SECONDS):
            while any(job["state"] in UNFINISHED for job in self.jobs()):
                assert self.process
                if self.process.returncode is not None:
                    self.tally.wrong.append(f"the process ended by itself: {self.process.returncode}")
                    await self.start()
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.3)  # the last words

    def judge(self) -> None:
        """Look at every job, and at every message."""
        jobs = {job["id"]: job for job in self.jobs()}
        messages = list({id(message): message for message in self.server.messages.values()}.values())
        shown: dict[str, list[tuple[str, Message]]] = {job: [] for job in jobs}
        for message in messages:
            for action, named in _buttons(message):
                if named in shown:
                    shown[named].append((action, message))
                elif action == "cancel" and not self._is_beyond_reach(message):
                    self.tally.wrong.append(f"{named} is on a message and nowhere else")
            on_the_way = message.author is BOT and any(words in _words(message) for words in ON_THE_WAY)
            if on_the_way and not self._is_beyond_reach(message):
                self.tally.wrong.append(f"a message still says: {_words(message)!r}")
        for job in jobs.values():
            ended = self._ending(job, shown[job["id"]])
            for state in self.met.get(job["id"], ()):
                self.tally.table[_label(job), state, ended] += 1

    def _is_beyond_reach(self, message: Message) -> bool:
        """Whether only its interaction's token, which is dead, could change a message."""
        return self.token_seconds < SECONDS and (message.ephemeral or message.channel_id == AWAY)

    def _ending(self, job: sqlite3.Row, shown: Sequence[tuple[str, Message]]) -> str:
        mark = "ask_more" if job["kind"] == "question" else "info"
        results = [message for action, message in shown if action == mark]
        if any(action == "cancel" and not self._is_beyond_reach(message) for action, message in shown):
            self._complain(job, "can still be cancelled")
        match job["state"]:
            case "delivered":
                if len(results) != 1:
                    self._complain(job, f"is on {len(results)} messages")
                elif not _is_right(job, results[0]):
                    self._complain(job, f"brought something else: {_words(results[0])} {list(results[0].files)}")
                return "delivered"
            case "undelivered":
                if results and not all(map(self._is_beyond_reach, results)):
                    self._complain(job, "was delivered all the same")
                return "undelivered, in /queue"
            case "failed" | "cancelled" if not results:
                return f"{job['state']}, {'told' if job['told'] else 'in /queue'}"
        self._complain(job, f"ended nowhere, with {len(results)} messages")
        return "?"

    def _complain(self, job: sqlite3.Row, words: str) -> None:
        self.tally.wrong.append(f"{job['id']} ({_label(job)}, {job['state']}, met {self.met.get(job['id'])}) {words}")


def _label(job: sqlite3.Row) -> str:
    place = {3000: "server", 3900: "elsewhere"}.get(job["guild"] or 0, "direct")
    kind = "reply" if job["reply_to"] else "private" if job["private"] else job["kind"]
    return f"{kind}, {place}"


def _buttons(message: Message) -> Iterator[tuple[str, str]]:
    for part in walk(message.components):
        action, _, rest = str(part.get("custom_id", "")).partition(":")
        if rest:
            yield action, rest.partition(":")[0]


def _words(message: Message) -> str:
    return "\n".join(part["content"] for part in walk(message.components) if part["type"] == 10)


def _is_right(job: sqlite3.Row, message: Message) -> bool:
    """Whether a message shows what the job's seeds draw, and that alone."""
    request: dict[str, Any] = json.loads(job["request"])
    if job["kind"] == "question":
        return f"{request['question']} It is (" in _words(message).replace("\\", "") and len(message.files) == 1
    found = {name: _pixels(data) for name, data in message.files.items()}
    if job["kind"] == "enlargement":
        return list(found.values()) == [mortal.enlarged(mortal.drawn(7)).tobytes()]
    seeds = [request["seed"] + i for i in range(request["count"])]
    return found == {f"janus-{seed}.png": mortal.drawn(seed).tobytes() for seed in seeds}


def _pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGB").tobytes()


def _is_owed(refusal: tuple[str, str, ApiError]) -> bool:
    """Whether Discord no longer knows an interaction: it died while nobody was there to answer it, or to go on."""
    return refusal[2].body["code"] in (10015, 10062, 50027)


async def rampage(folder: Path, kills: int, seconds: float, seed: int, *, token_seconds: float = 14 * 60.0) -> Tally:
    """Kill the process so often, or for so long; return what was found."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds
    async with serve() as server:
        server.limits.enabled = False
        server.token_seconds = token_seconds * 15 / 14
        killer = Killer(server, folder, seed, token_seconds=token_seconds)
        try:
            await killer.prepare()
            while killer.tally.kills < kills and clock() < until:
                for _ in range(killer.chance.choice([1, 1, 1, 2, 3])):
                    await killer.ask_for_much()
                    await killer.kill()
                    await killer.start()
                await killer.settle()
            killer.judge()
            killer.tally.wrong += [f"Discord refused {refused}" for refused in server.refusals if not _is_owed(refused)]
        finally:
            await killer.end()
        return killer.tally


def main(kills: str, seed: str = "0", token_seconds: str = "840") -> None:
    with tempfile.TemporaryDirectory() as folder:
        tally = asyncio.run(rampage(Path(folder), int(kills), 1e9, int(seed), token_seconds=float(token_seconds)))
    sys.stdout.write("\n".join(tally.lines()) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
