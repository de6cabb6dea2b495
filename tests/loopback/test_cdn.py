"""Files of Discord's that crawl, never end, lead elsewhere or are larger than they say."""

import asyncio
import time
from pathlib import Path

import pytest
from aiohttp import web

from bot.config import Limits
from bot.core import cdn
from bot.core.client import JanusBot
from bot.core.metrics import Metrics
from bot.core.rest import DiscordError
from bot.texts import ENGLISH
from tests.bot.samples import png
from tests.bot.scripted import ScriptedExecutor, answer
from tests.loopback.discord_server import Discord, Fault
from tests.loopback.files import StoredFile
from tests.loopback.test_faults import bot, executor, server, until, words
from tests.loopback.wire import EPHEMERAL, walk

__all__ = ["bot", "executor", "server"]

MOST = Limits().picture_bytes


class Endless:
    """A file that declares little, or nothing, and goes on for ever."""

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(2**20))
                self.sent += 2**20
        except ConnectionError:
            return response


async def crawls(request: web.Request) -> web.StreamResponse:
    """Send a byte every now and then."""
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        while True:
            await response.write(b"\x89")
            await asyncio.sleep(0.05)
    except ConnectionError:
        return response


def elsewhere(server: Discord) -> Fault:
    async def fault(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"{server.base}/somewhere/else.png")

    return fault


async def asked(server: Discord, file: bytes | Fault) -> str:
    return await server.slash("ask", image=("cat.png", file), question="What is this?")


async def refused(server: Discord, token: str) -> str:
    """Wait until a question is refused, and return the private sentence."""
    await until(lambda: f"{token}+1" in server.messages and token not in server.messages)
    told = server.messages[f"{token}+1"]
    assert told.flags & EPHEMERAL
    return words(told)


async def test_a_file_that_goes_on_is_left_when_it_is_too_large(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    endless = Endless()
    token = await asked(server, endless)
    assert "too large" in await refused(server, token)
    assert endless.sent < 3 * MOST  # what lies in between in buffers
    assert executor.jobs == []


async def test_a_file_that_says_that_it_is_too_large_is_not_read(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    async def large(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(MOST + 1)})
        await response.prepare(request)
        await asyncio.sleep(60)
        return response

    assert "too large" in await refused(server, await asked(server, large))


async def test_no_redirect_is_followed(bot: JanusBot, server: Discord, executor: ScriptedExecutor) -> None:
    token = await asked(server, elsewhere(server))
    assert "cat.png" in await refused(server, token)
    assert not any("somewhere" in path for _, path in server.requests)


async def test_a_file_that_crawls_is_left_after_some_seconds(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cdn, "READ_SECONDS", 0.4)
    before = time.monotonic()
    assert "cat.png" in await refused(server, await asked(server, crawls))
    assert time.monotonic() - before < 5


async def test_what_is_packed_small_is_not_unpacked(server: Discord, tmp_path: Path) -> None:
    async def packed(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        response = web.Response(body=bytes(1000))
        response.enable_compression(web.ContentCoding.gzip)
        return response

    server.files.stored["7"] = file = StoredFile("7", "attachments/1", "cat.png", packed)
    reader = cdn.Cdn(Metrics(lambda: pytest.fail("nobody looks")).trace())
    try:
        assert len(await reader.read(server.files.url(file), 2000)) < 100
        with pytest.raises(DiscordError):
            await reader.read(f"{server.base}/cdn/attachments/1/8/cat.png?ex=0&hm=0", 2000)
    finally:
        await reader.close()


async def test_a_file_that_fails_once_is_read_again(bot: JanusBot, server: Discord, executor: ScriptedExecutor) -> None:
    whole, tried = png((50, 40)), []

    async def later(request: web.Request) -> web.Response:
        tried.append(request)
        return web.Response(status=503) if len(tried) == 1 else web.Response(body=whole)

    token = await asked(server, later)
    await until(lambda: executor.jobs)
    executor.job.tell(answer("A cat."))
    await until(lambda: "A cat." in words(server.messages[token]))


async def test_a_download_can_be_cancelled_and_takes_nobody_s_place(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    bot.queue.slots.most = 1
    token = await asked(server, crawls)
    await until(lambda: token in server.messages and bot.open_jobs.of(2000))
    other = await server.slash("imagine", prompt="a red circle")
    await until(lambda: executor.jobs and other in server.messages)
    await server.press(server.messages[token], ENGLISH.cancel)
    await until(lambda: ENGLISH.cancelled in words(server.messages[token]))
    await until(lambda: bot.queue.open == 1)
    assert [job.owner for job in bot.open_jobs.of(2000)] == [2000]
    assert len(executor.jobs) == 1
    assert not [part for part in walk(server.messages[token].components) if part["type"] == 2]


async def test_a_question_that_finds_no_room_once_its_picture_is_there_is_refused(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    bot.queue.slots.most = 1
    go = asyncio.Event()

    async def waits(request: web.Request) -> web.Response:
        await go.wait()
        return web.Response(body=png())

    token = await asked(server, waits)
    await until(lambda: token in server.messages and bot.open_jobs.of(2000))
    await server.slash("imagine", prompt="a red circle")
    await until(lambda: executor.jobs)
    go.set()
    await refused(server, token)
    assert len(executor.jobs) == 1
