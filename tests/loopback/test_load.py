"""Many members at once: everybody is answered in time, whatever the threads are busy with."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bot.core.client import JanusBot
from bot.media import uploads
from bot.texts import ENGLISH
from model.requests import Drawing, Request
from tests.bot.scripted import ScriptedExecutor, ScriptedJob, pictures
from tests.loopback.discord_server import Discord
from tests.loopback.load import Bot, rush
from tests.loopback.test_faults import bot, server, until

__all__ = ["bot", "server"]

THREADS = 2  # of the event loop
DRAWINGS = 3
COMMANDS, MEMBERS = 40, 20


class Preparing(ScriptedExecutor):
    """Looks at a request in one of the event loop's threads, as the real one does."""

    async def submit(self, request: Request) -> ScriptedJob:
        await asyncio.to_thread(len, request.id)
        return await super().submit(request)


@pytest.fixture
def executor() -> ScriptedExecutor:
    return Preparing()


async def test_a_command_is_answered_while_pictures_are_being_encoded(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoding, going_on = threading.Semaphore(0), threading.Event()
    saved = uploads._saved

    def stuck(*args: Any, **options: Any) -> bytes:
        encoding.release()
        assert going_on.wait(60)
        return saved(*args, **options)

    monkeypatch.setattr(uploads, "_saved", stuck)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    for number in range(DRAWINGS):
        await server.slash("imagine", prompt=f"a red circle {number}", count=1)
    await until(lambda: len(executor.jobs) == DRAWINGS)
    try:
        for job in executor.jobs:
            assert isinstance(job.request, Drawing)
            job.tell(pictures(job.request))
        for _ in range(THREADS):
            await until(lambda: encoding.acquire(blocking=False))
        token = await server.slash("imagine", prompt="one more")
        await until(lambda: server.interactions[token].answer)
        assert not server.messages[token].ephemeral
        await server.press(server.messages[token], ENGLISH.cancel)
    finally:
        going_on.set()
    await until(lambda: sum(len(message.files) for message in server.messages.values()) == DRAWINGS)


async def test_everybody_who_asks_at_once_is_answered_and_gets_their_pictures(tmp_path: Path) -> None:
    found = await rush(tmp_path, Bot(), commands=COMMANDS, members=MEMBERS, seconds=60)
    whole = "\n".join(found.lines())
    assert len(found.answers) == COMMANDS, whole
    assert found.turned_away == 0, whole
    assert found.results == COMMANDS, whole
    assert found.lags, whole
