"""Many members ask at once: how soon each is answered, and how late the bot's event loop comes meanwhile.

`python -m tests.loopback.load` prints it for 600 commands of 200 members, with an executor that only waits, and then
with the demo model's engine in its thread (`--engines`). The bot is a process of its own, so that nothing of the small
Discord is in its figures but the processors that both share.
"""

import argparse
import asyncio
import json
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image

from bot.app import run_bot
from bot.cli.console import log_to_stderr, run_to_end
from bot.config import Limits, Settings, Store
from bot.media import uploads
from model.executor import open_here
from model.requests import Drawing, Executor, Pictures, Progress, Started
from model.settings import EngineSettings, ModelSettings
from tests.bot.scripted import ScriptedExecutor, ScriptedJob
from tests.loopback.discord_server import Discord, serve
from tests.loopback.mortal import speak_to
from tests.loopback.wire import ALICE

COMMANDS: Final = 600
MEMBERS: Final = 200
PICTURES: Final = 2  # a command
SIDE: Final = 384  # pixels
PULSE: Final = 0.005  # seconds between two looks at the event loop
GIVEN_UP: Final = 5.0  # seconds after which no answer comes any more
PATIENCE: Final = 120.0  # seconds that anything has
LAG_FILE: Final = "lag.json"
ENGINES: Final = ("scripted", "demo")


@dataclass(frozen=True)
class Bot:
    """How the bot's process is to be."""

    engine: str = "scripted"
    png_seconds: float = 0.0  # that encoding a picture takes longer than it does
    switch_interval: float = 0.0  # of the interpreter's threads, in seconds; 0: as it is


@dataclass(frozen=True)
class Found:
    """What came of one rush."""

    bot: Bot
    commands: int
    answers: Sequence[float]  # seconds
    processor: float  # seconds of it that the bot's process took until all were answered
    lags: Sequence[float]  # seconds, over all the time
    results: int  # in that time
    seconds: float
    turned_away: int  # told in time that the bot is too busy

    def lines(self) -> Iterator[str]:
        bot = self.bot
        slowed = f", each PNG {bot.png_seconds} s slower" if bot.png_seconds else ""
        switching = f", switch interval {bot.switch_interval * 1000:g} ms" if bot.switch_interval else ""
        yield f"engine {bot.engine}{slowed}{switching}: {self.commands} commands at once"
        yield f"  unanswered: {self.commands - len(self.answers)}, told that it is too busy: {self.turned_away}"
        yield f"  acknowledged within {_figures(self.answers, 's', 1)}"
        yield f"  processor time until then: {self.processor:.2f} s"
        yield f"  event loop late by  {_figures(self.lags, 'ms', 1000)}, over {self.seconds:.0f} s"
        yield f"  results in that time: {self.results}"


def _figures(seconds: Sequence[float], unit: str, times: float) -> str:
    ordered = sorted(seconds) or [float("nan")]
    named = {"p50": ordered[len(ordered) // 2], "p99": ordered[int(len(ordered) * 0.99)], "max": ordered[-1]}
    return ", ".join(f"{value * times:.2f} {unit} ({name})" for name, value in named.items())


# -- in the bot's process ---------------------------------------------------------------------------------------------


class Waiting(ScriptedExecutor):
    """Prepares as the real one does, in a thread; then all that it does is to wait."""

    def __init__(self) -> None:
        super().__init__()
        self._working: set[asyncio.Task[None]] = set()
        self._chance = random.Random(1)
        self._noise = Image.merge("RGB", [Image.effect_noise((SIDE, SIDE), 40) for _ in range(3)])

    async def submit(self, request: Any) -> ScriptedJob:
        await asyncio.to_thread(time.sleep, 0.001)
        job = await super().submit(request)
        task = asyncio.create_task(self._work(job))
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return job

    async def _work(self, job: ScriptedJob) -> None:
        drawing = job.request
        assert isinstance(drawing, Drawing)
        job.tell(Started())
        for step in range(4):
            await asyncio.sleep(self._chance.uniform(0, 0.5))
            job.tell(Progress(step + 1, 4, 0.1))
        seeds = tuple(drawing.seed + number for number in range(drawing.count))
        job.tell(Pictures((self._noise,) * drawing.count, tuple((seed,) for seed in seeds), seeds, {"decode": 1.0}))


async def _watch(file: Path) -> None:
    """Note how late the event loop comes to what is due; a signal writes it down and begins anew.

    A loop that stands still is late for all that would have been due meanwhile.
    """
    loop, lags = asyncio.get_running_loop(), list[float]()

    def write() -> None:
        whole = file.with_suffix(".part")
        whole.write_text(json.dumps(lags))
        whole.replace(file)
        lags.clear()

    loop.add_signal_handler(signal.SIGUSR1, write)
    while True:
        due = loop.time() + PULSE
        await asyncio.sleep(PULSE)
        late = loop.time() - due
        lags.append(late)
        while (late := late - PULSE) > 0:
            lags.append(late)


async def _serve(settings: Settings, bot: Bot) -> None:
    executor: Executor = Waiting() if bot.engine == "scripted" else open_here(settings.model, settings.engine)
    while executor.status().state == "loading":  # noqa: ASYNC110 (of a thread)
        await asyncio.sleep(0.1)
    watching = asyncio.create_task(_watch(settings.store.folder / LAG_FILE))
    try:
        await run_bot(settings, executor)
    finally:
        watching.cancel()


def be_bot(address: str, folder: Path, bot: Bot) -> None:
    """Be the bot until the end."""
    speak_to(address)
    log_to_stderr(logging.ERROR)
    if bot.switch_interval:
        sys.setswitchinterval(bot.switch_interval)
    saved = uploads._saved

    def slowly(*args: Any, **options: Any) -> bytes:
        time.sleep(bot.png_seconds)
        return saved(*args, **options)

    uploads._saved = slowly
    limits = Limits(queue=100_000, member_queued=100, server_running=1000, server_queued=1000, server_hourly=100_000)
    model = ModelSettings(name="demo" if bot.engine == "scripted" else bot.engine)
    settings = Settings(store=Store(folder=folder), limits=limits, model=model, engine=EngineSettings())
    with suppress(KeyboardInterrupt, SystemExit):
        run_to_end(_serve(settings, bot))


# -- around it --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _running(server: Discord, folder: Path, bot: Bot) -> Any:
    values = [server.base, folder, bot.engine, bot.png_seconds, bot.switch_interval]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.loopback.load", "--bot", *map(str, values)
    )
    try:
        async with asyncio.timeout(PATIENCE):
            await server.identified.wait()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _lags(process: asyncio.subprocess.Process, folder: Path) -> list[float]:
    file = folder / LAG_FILE
    file.unlink(missing_ok=True)
    process.send_signal(signal.SIGUSR1)
    await _until(file.exists, PATIENCE)
    return list(map(float, json.loads(file.read_text())))


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for what another process does, so long at the most."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def rush(folder: Path, bot: Bot, *, commands: int = COMMANDS, members: int = MEMBERS, seconds: float) -> Found:
    """Have members ask all at once, and watch for so many seconds at the most, or until everybody has their result."""
    clock = asyncio.get_running_loop().time
    async with serve() as server, _running(server, folder, bot) as process:
        server.limits.second = 1.0
        await _until(lambda: bool(server.commands), PATIENCE)
        await asyncio.sleep(1)  # until it has calmed down
        await _lags(process, folder)
        begun, tokens, used = clock(), list[str](), _processor(process.pid)
        for number in range(commands):
            server.member = ALICE | {"id": str(20_000 + number % members), "username": f"member{number % members}"}
            tokens.append(await server.slash("imagine", prompt=f"a red circle {number}", count=PICTURES))
        asked = [server.interactions[token] for token in tokens]
        await _until(lambda: all(one.waited is not None or one.age > GIVEN_UP for one in asked), PATIENCE)
        used = _processor(process.pid) - used

        def results() -> int:
            return sum(one.original is not None and len(one.original.files) == PICTURES for one in asked)

        await _until(lambda: results() == commands, begun + seconds - clock())
        turned_away = sum(one.original is not None and one.original.ephemeral for one in asked)
        took, answers = clock() - begun, [one.waited for one in asked if one.waited is not None]
        return Found(bot, commands, answers, used, await _lags(process, folder), results(), took, turned_away)


def _processor(process: int) -> float:
    """Return the seconds that a process has had a processor for."""
    told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def machine() -> str:
    """Name the machine, and what else it does."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{names[0].partition(': ')[2]}, {len(names)} cores, load {os.getloadavg()[0]:.1f} before"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", default=ENGINES, help="'scripted', or a model's name")
    parser.add_argument("--commands", type=int, default=COMMANDS)
    parser.add_argument("--members", type=int, default=MEMBERS)
    parser.add_argument("--png-seconds", type=float, default=0.0, help="that encoding a picture takes longer")
    parser.add_argument("--switch-interval", type=float, default=0.0, help="seconds; Python's own is 0.005")
    parser.add_argument("--seconds", type=float, default=40.0, help="to watch, at the most")
    parser.add_argument("--bot", nargs=5, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.bot:
        address, folder, engine, png_seconds, switch_interval = told.bot
        be_bot(address, Path(folder), Bot(engine, float(png_seconds), float(switch_interval)))
        return
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # the bot goes in the middle of its requests
    sys.stdout.write(f"{machine()}\n")
    for engine in told.engines:
        bot = Bot(engine, told.png_seconds, told.switch_interval)
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(
                rush(Path(folder), bot, commands=told.commands, members=told.members, seconds=told.seconds)
            )
        sys.stdout.write("\n".join(found.lines()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
