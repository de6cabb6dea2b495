"""The bot on real sockets, with everything that goes wrong there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
import yarl
from aiohttp import web
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.app import make_bot, run_bot
from bot.config import Settings, SettingsError, Store
from bot.core.client import JanusBot
from bot.texts import ENGLISH
from model.requests import Drawing, Pictures
from tests.bot.samples import fitted, png
from tests.bot.scripted import ScriptedExecutor, answer, noisy, pictures
from tests.loopback.discord_server import Discord, Fault, serve
from tests.loopback.messages import Message
from tests.loopback.wire import EPHEMERAL, read, respond, walk

Draw = Callable[[Drawing], Pictures]

SECONDS = 60


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Discord]:
    async with serve() as server:
        monkeypatch.setattr(Route, "BASE", f"{server.base}/api/v10")
        monkeypatch.setattr(
            DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.base.replace("http", "ws") + "/gateway")
        )
        yield server


@pytest.fixture
def executor() -> ScriptedExecutor:
    return ScriptedExecutor()


@pytest.fixture
async def bot(server: Discord, executor: ScriptedExecutor, tmp_path: Path) -> AsyncIterator[JanusBot]:
    bot = make_bot(Settings(store=Store(folder=tmp_path)), executor)
    async with bot:
        running = asyncio.create_task(bot.start("a-token"))
        await until(lambda: server.identified.is_set() or running.done())
        yield bot
    await running
    # Nothing that the bot sent was refused, but for the faults that a test put in.
    assert server.refuses_rightly or server.refusals == []


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 (of a server and a bot that know nothing of the test)
            await asyncio.sleep(0.01)


def words(message: Message) -> str:
    return message.content + "\n".join(part["content"] for part in walk(message.components) if part["type"] == 10)


def answers(status: int, body: dict[str, object], **headers: str) -> Fault:
    async def fault(request: web.Request) -> web.Response:
        await request.read()
        return respond(body, status, **headers)

    return fault


async def reset(request: web.Request) -> web.Response:
    """Break the connection in the middle of the upload."""
    await request.content.read(1000)
    assert request.transport
    request.transport.abort()
    return web.Response()


async def drawn(server: Discord, executor: ScriptedExecutor, *faults: Fault, draw: Draw = pictures) -> Message:
    """Have a drawing made whose final upload meets the faults, one after another."""
    token = await server.slash("imagine", prompt="a red circle", count=2)
    await until(lambda: executor.jobs)
    await until(lambda: token in server.messages)
    server.faults += [("PATCH", "@original", fault) for fault in faults]
    executor.job.tell(draw(executor.drawing))
    await until(lambda: server.messages[token].files)
    assert not server.faults
    return server.messages[token]


async def test_a_drawing_and_a_press_on_real_sockets(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    message = await drawn(server, executor)
    seed = executor.drawing.seed
    assert sorted(message.files) == [f"janus-{seed}.png", f"janus-{seed + 1}.png"]
    assert message.files[f"janus-{seed}.png"].startswith(b"\x89PNG")
    token = await server.slash("imagine", prompt="a blue square")
    await until(lambda: token in server.messages)
    await server.press(server.messages[token], ENGLISH.cancel)
    await until(lambda: "Cancelled" in words(server.messages[token]))


async def test_a_question_brings_its_picture_from_the_cdn(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    token = await server.slash("ask", image=("cat.png", png((50, 40))), question="What is this?")
    await until(lambda: executor.jobs)
    assert executor.question.pictures == (fitted((50, 40)),)
    executor.job.tell(answer("A cat."))
    await until(lambda: "A cat." in words(server.messages[token]))


async def test_an_upload_that_is_reset_is_tried_again(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    assert len((await drawn(server, executor, reset)).files) == 2


async def test_a_rate_limit_is_waited_for(bot: JanusBot, server: Discord, executor: ScriptedExecutor) -> None:
    limit: dict[str, object] = {"message": "You are being rate limited.", "retry_after": 0.2, "global": False}
    assert len((await drawn(server, executor, answers(429, limit, Via="1.1 google"))).files) == 2


async def test_a_rate_limit_of_the_whole_address_is_waited_for(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    assert len((await drawn(server, executor, answers(429, {"message": "slow down"}))).files) == 2


async def test_a_server_error_is_tried_again(bot: JanusBot, server: Discord, executor: ScriptedExecutor) -> None:
    assert len((await drawn(server, executor, answers(502, {"message": "bad gateway"}))).files) == 2


async def test_files_that_are_too_large_are_sent_smaller(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    server.file_limit = 800_000
    sizes: list[list[int]] = []

    async def too_large(request: web.Request) -> web.Response:
        _, sent = await read(request)
        sizes.append([len(file.data) for file in sent])
        return respond({"message": "Request entity too large", "code": 40005}, 413)

    message = await drawn(server, executor, too_large, too_large, draw=partial(noisy, side=512))
    sizes.append([len(data) for data in message.files.values()])
    assert [len(attempt) for attempt in sizes] == [2, 2, 2]
    for attempt, limit in zip(sizes, (800_000, 400_000, 200_000), strict=True):
        assert all(limit / 2 < size < limit for size in attempt)


async def gone(request: web.Request) -> web.Response:
    return web.Response(status=404)


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "5000"})
    await response.prepare(request)
    await response.write(png((200, 200))[:100])
    assert request.transport
    request.transport.abort()
    return response


@pytest.mark.parametrize("fault", [gone, half])
async def test_a_picture_that_the_cdn_does_not_hand_over_is_refused_privately(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, fault: Fault
) -> None:
    token = await server.slash("ask", image=("cat.png", fault), question="What is this?")
    await until(lambda: [key for key in server.messages if key != token] and token not in server.messages)
    (told,) = server.messages.values()
    assert told.flags & EPHEMERAL
    assert "couldn't get cat.png" in words(told)
    assert executor.jobs == []


async def test_jobs_outlive_a_cut_gateway_and_new_ones_are_taken(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    token = await server.slash("imagine", prompt="a red circle", count=1)
    await until(lambda: token in server.messages)
    await server.cut()
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: server.messages[token].files)
    async with asyncio.timeout(SECONDS):
        await server.resumed.wait()
    token = await server.slash("imagine", prompt="a blue square")
    await until(lambda: token in server.messages)


async def test_a_token_that_discord_does_not_know_is_a_plain_error_without_the_token(
    server: Discord, executor: ScriptedExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults.append(("GET", "/users/@me", answers(401, {"message": "401: Unauthorized", "code": 0})))
    monkeypatch.setenv("DISCORD_TOKEN", "a-very-secret-token")
    job = await executor.submit(Drawing(prompt="x"))
    with pytest.raises(SettingsError, match="does not know this token") as caught:
        await run_bot(Settings(store=Store(folder=tmp_path)), executor)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert job.cancelled  # the executor was closed
