"""First answers whose receipts are lost: whether they arrived is seen on the message, and one look is not enough."""

import asyncio

import pytest
from aiohttp import web

from bot.core import receipts
from bot.core.client import JanusBot
from bot.texts import ENGLISH
from tests.bot.samples import png
from tests.bot.scripted import ScriptedExecutor, answer, pictures
from tests.loopback.discord_server import Discord, Fault
from tests.loopback.messages import Message
from tests.loopback.state import HERE, PRIVATE
from tests.loopback.test_faults import answers, bot, executor, server, until, words
from tests.loopback.wire import EPHEMERAL

__all__ = ["bot", "executor", "server"]

CALLBACK = ("POST", "/callback")
UNKNOWN = answers(404, {"message": "Unknown interaction", "code": 10062})
ACKNOWLEDGED = answers(400, {"message": "Interaction has already been acknowledged.", "code": 40060})


@pytest.fixture(autouse=True)
def _hasty(server: Discord, monkeypatch: pytest.MonkeyPatch) -> None:
    server.refuses_rightly = True  # looks at what is not there, and second answers
    monkeypatch.setattr(receipts, "LOOKS", (0.0, 0.01, 0.01))


async def reset(request: web.Request) -> web.Response:
    assert request.transport
    request.transport.abort()
    return web.Response()


async def hang(request: web.Request) -> web.Response:
    await asyncio.sleep(60)
    raise AssertionError


async def html(request: web.Request) -> web.Response:
    return web.Response(text="<html>It works!</html>", content_type="text/html")


async def cut(request: web.Request) -> web.Response:
    return web.Response(body=b'{"interaction": {"id": "1', headers={"Content-Type": "application/json"})


LOST = [reset, answers(500, {}), answers(503, {}), UNKNOWN, ACKNOWLEDGED, html, cut]


def in_channel(server: Discord, channel: str = HERE) -> list[Message]:
    """What the bot wrote there of its own."""
    found = [message for message in server.messages.values() if message.channel_id == channel]
    return [message for message in found if not message.webhook and message.author["id"] == "1000"]


@pytest.mark.parametrize("loss", LOST, ids=lambda loss: getattr(loss, "__name__", ""))
async def test_a_drawing_goes_on_where_the_answer_arrived(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, loss: Fault
) -> None:
    server.losses.append((*CALLBACK, loss))
    token = await server.slash("imagine", prompt="a red circle", count=1)
    await until(lambda: executor.jobs and bot.open_jobs.get(executor.job.id))
    await until(lambda: not bot.receipts.is_answering(token))
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: server.messages[token].files)
    record = await bot.store.jobs.get(executor.job.id)
    assert record
    assert str(record.address.message) == server.messages[token].id
    assert len(server.messages) == 1


async def test_a_hanging_answer_is_looked_for(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "ANSWER_SECONDS", 0.3)
    server.losses.append((*CALLBACK, hang))
    token = await server.slash("imagine", prompt="a red circle", count=1)
    await until(lambda: executor.jobs and token in server.messages)
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: server.messages[token].files)


async def test_one_look_that_fails_does_not_prove_that_nothing_arrived(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    server.losses.append((*CALLBACK, reset))
    server.faults += [("GET", "@original", reset), ("GET", "@original", answers(503, {}))]
    token = await server.slash("imagine", prompt="a red circle", count=1)
    await until(lambda: executor.jobs and not server.faults)
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: server.messages[token].files)


@pytest.mark.parametrize("fault", [reset, html, answers(429, {"message": "slow down"})])
async def test_an_answer_that_did_not_arrive_is_given_again(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, fault: Fault
) -> None:
    server.faults.append((*CALLBACK, fault))
    token = await server.slash("imagine", prompt="a red circle", count=1)
    await until(lambda: token in server.messages)
    assert executor.jobs


async def test_a_form_whose_receipt_is_lost_is_open_all_the_same(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    seen = await server.say("look", ("cat.png", png()))
    server.losses.append((*CALLBACK, reset))
    token = await server.menu(ENGLISH.menu_ask, seen)
    await until(lambda: server.interactions[token].form and not bot.receipts.is_answering(token))
    form = server.interactions[token].form
    assert form
    sent = await server.submit(form, "what is this?", False)
    await until(lambda: executor.jobs)
    executor.job.tell(answer("A cat."))
    await until(lambda: "A cat." in words(server.messages[sent]))


async def test_a_deferred_answer_whose_receipt_is_lost_is_given(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    token = await server.slash("imagine", prompt="a red circle", count=2)
    await until(lambda: executor.jobs and token in server.messages)
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: server.messages[token].files)
    server.losses.append((*CALLBACK, reset))
    pressed = await server.press(server.messages[token], "1")
    await until(lambda: pressed in server.messages and server.messages[pressed].files)


@pytest.mark.parametrize("here", [HERE, PRIVATE])
async def test_nobody_draws_for_an_interaction_that_was_never_answered_and_its_member_hears_of_it(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, here: str
) -> None:
    server.here = here
    server.faults += [(*CALLBACK, UNKNOWN)] * 2
    await server.slash("imagine", prompt="my own words")
    await until(lambda: in_channel(server, here))
    (told,) = in_channel(server, here)
    assert told.content == f"<@2000> {ENGLISH.not_taken}"
    assert told.called == ["2000"]
    assert executor.job.cancelled
    assert not bot.open_jobs.of(2000)


async def test_of_a_private_question_nothing_is_said_in_the_channel(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults += [(*CALLBACK, UNKNOWN)] * 2
    await server.slash("ask", image=("cat.png", png()), question="What is this?", private=True)
    await until(lambda: "Could not tell a member" in caplog.text)
    assert in_channel(server) == []
    assert executor.jobs == []


async def test_words_that_discord_refuses_are_not_repeated(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    refusal = answers(400, {"message": "Message was blocked by automatic moderation", "code": 200000})
    server.faults.append((*CALLBACK, refusal))
    token = await server.slash("imagine", prompt="a forbidden circle")
    await until(lambda: token in server.messages)
    assert words(server.messages[token]) == ENGLISH.filtered
    assert server.messages[token].flags & EPHEMERAL
    assert executor.job.cancelled


async def test_that_it_was_acknowledged_already_is_proof_even_if_nobody_can_look(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    server.losses.append((*CALLBACK, ACKNOWLEDGED))
    server.faults += [("GET", "@original", answers(503, {})), *[("GET", "@original", html)] * 9]
    token = await server.slash("imagine", prompt="a red circle", count=1)
    await until(lambda: executor.jobs and not bot.receipts.is_answering(token))
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: server.messages[token].files)


async def test_one_look_that_finds_nothing_does_not_prove_it_either(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    server.losses.append((*CALLBACK, UNKNOWN))
    server.faults.append(("GET", "@original", answers(404, {"message": "Unknown Webhook", "code": 10015})))
    token = await server.slash("imagine", prompt="a red circle", count=1)
    await until(lambda: executor.jobs and not bot.receipts.is_answering(token))
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: server.messages[token].files)
