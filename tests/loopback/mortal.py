"""The bot as a process of its own, on the small Discord, with an executor that is quick and pure: made to be killed.

`python -m tests.loopback.mortal ADDRESS FOLDER TOKEN_SECONDS`
"""

import asyncio
import logging
import os
import random
import sys
from contextlib import suppress
from pathlib import Path

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route
from PIL import Image

from bot.app import run_bot
from bot.cli.console import log_to_stderr, run_to_end
from bot.config import Discord, Limits, Settings, Store
from bot.core import rest
from bot.jobs import interaction
from model.requests import Answer, Drawing, Enlarge, Final, Paint, Pictures, Progress, Question, Request, Started
from tests.bot.scripted import ScriptedExecutor, ScriptedJob

STEPS = 4
LONGEST = 0.5  # seconds of a step
SIDE = 48


def drawn(seed: int) -> Image.Image:
    """What a seed draws."""
    return Image.new("RGB", (SIDE, SIDE), (seed % 251, seed // 251 % 251, 90))


def said(question: str, picture: Image.Image) -> str:
    """What is answered about a picture."""
    return f"{question} It is {picture.convert('RGB').getpixel((0, 0))}."


def enlarged(picture: Image.Image) -> Image.Image:
    """What a picture is enlarged to."""
    return picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.NEAREST)


def outcome(request: Request) -> Final:
    """What comes out, by the request alone: the same in every process."""
    match request:
        case Drawing():
            seeds = tuple(request.seed + i for i in range(request.count))
            return Pictures(tuple(map(drawn, seeds)), tuple((seed,) for seed in seeds), seeds, {"decode": 1.0})
        case Paint():
            pictures = tuple(drawn(seed) for (seed,) in request.tokens)
            return Pictures(pictures, request.tokens, request.seeds, {"pixels": 9.0})
        case Enlarge():
            return Pictures((enlarged(request.picture()),), (), (), {"upscale": 1.0})
        case Question():
            return Answer(said(request.question, request.pictures[0]), 5, True, 0, {"decode": 1.0})


class Pure(ScriptedExecutor):
    """Works for a moment on each job, all at once."""

    def __init__(self) -> None:
        super().__init__()
        self._working: set[asyncio.Task[None]] = set()

    async def submit(self, request: Request) -> ScriptedJob:
        job = await super().submit(request)
        task = asyncio.create_task(self._work(job))
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return job

    async def _work(self, job: ScriptedJob) -> None:
        steps = 1 if isinstance(job.request, Paint) else STEPS
        job.tell(Started())
        for step in range(steps):
            await asyncio.sleep(random.uniform(0, LONGEST))
            job.tell(Progress(step + 1, steps, 0.1))
        job.tell(outcome(job.request))


def speak_to(address: str) -> None:
    """Have this process take the server at an address for Discord."""
    Route.BASE = f"{address}/api/v10"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(address.replace("http", "ws") + "/gateway")
    os.environ["DISCORD_TOKEN"] = "a-token"


def main(address: str, folder: str, token_seconds: str) -> None:
    speak_to(address)
    rest.RETRY_SECONDS = (0.05, 0.1)  # type: ignore[misc, assignment]
    interaction.TOKEN_SECONDS = float(token_seconds)  # type: ignore[misc]
    log_to_stderr(logging.INFO)
    many = {"member_hourly": 10_000, "server_running": 100, "server_queued": 1000, "server_hourly": 100_000}
    limits = Limits(queue=1000, member_running=6, member_queued=100, **many)
    settings = Settings(store=Store(folder=Path(folder)), discord=Discord(drain_seconds=0.3), limits=limits)
    with suppress(KeyboardInterrupt, SystemExit):
        run_to_end(run_bot(settings, Pure()))


if __name__ == "__main__":
    main(*sys.argv[1:])
