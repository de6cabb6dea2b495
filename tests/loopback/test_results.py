"""Results, which survive whatever Discord answers: on the message, else in the channel, else kept for their owner."""

from datetime import timedelta

import discord
import pytest
from aiohttp import web

from bot.core import rest
from bot.core.client import JanusBot
from bot.jobs.outcome import kept_line
from bot.texts import ENGLISH
from model.requests import Progress, Started
from tests.bot.samples import png
from tests.bot.scripted import ScriptedExecutor, answer, noisy, pictures
from tests.loopback.discord_server import Discord, Fault
from tests.loopback.messages import Message
from tests.loopback.state import HERE, SEND
from tests.loopback.test_faults import answers, bot, executor, server, until, words
from tests.loopback.test_receipts import cut, hang, html, in_channel, reset
from tests.loopback.wire import EPHEMERAL, Payload

__all__ = ["bot", "executor", "server"]

NOT_SENT = kept_line(ENGLISH, 30)
EDIT, SEND_HERE = ("PATCH", "/messages/"), ("POST", f"/channels/{HERE}/messages")
LIMIT: Payload = {"message": "You are being rate limited.", "global": False}
DEAD = answers(401, {"message": "Invalid Webhook Token", "code": 50027})
UNKNOWN_MESSAGE = answers(404, {"message": "Unknown Message", "code": 10008})
UNKNOWN_WEBHOOK = answers(404, {"message": "Unknown Webhook", "code": 10015})
UNKNOWN_CHANNEL = answers(404, {"message": "Unknown Channel", "code": 10003})
FORBIDDEN = answers(403, {"message": "Missing Permissions", "code": 50013})
FILTERED = answers(400, {"message": "Message blocked by harmful links filter", "code": 240000})


async def bad_page(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(text="<html>Access denied</html>", status=403, content_type="text/html")


async def slow_page(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(text="<html>slow down</html>", status=429, content_type="text/html", headers={"Via": "proxy"})


PASSING = {
    "429 without Via": answers(429, {**LIMIT, "retry_after": 0.1}),
    "429 without retry_after": answers(429, LIMIT, Via="1.1 google"),
    "429 as a page": slow_page,
    "200 as a page": html,
    "200 cut short": cut,
    "403 as a page": bad_page,
    "503": answers(503, {}),
    "reset": reset,
    "429 on everything": answers(429, {**LIMIT, "retry_after": 0.1, "global": True}, Via="1.1 google"),
    "overloaded": answers(400, {"message": "API resource is currently overloaded", "code": 130000}),
}


async def asked(server: Discord, executor: ScriptedExecutor, **options: object) -> Message:
    """Have a drawing begun; return the message that shows it."""
    token = await server.slash("imagine", prompt="a red circle", **{"count": 2, **options})
    await until(lambda: executor.jobs and token in server.messages)
    return server.messages[token]


@pytest.mark.parametrize("fault", PASSING.values(), ids=list(PASSING))
async def test_what_passes_is_waited_for(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, fault: Fault
) -> None:
    message = await asked(server, executor)
    server.faults += [(*EDIT, fault)] * 3
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: len(message.files) == 2)
    assert len(server.messages) == 1


async def test_a_limit_on_everything_that_lasts_holds_nobody_else_back(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "MOST_PAUSE", 0.01)
    lasting = answers(429, {**LIMIT, "retry_after": 3600, "global": True}, Via="1.1 google")
    server.faults.append((*SEND_HERE, lasting))
    await server.say("<@1000> what is this?", ("cat.png", png()))
    await until(lambda: executor.jobs)
    executor.job.tell(answer("A cat."))
    await until(lambda: replies(server) and "A cat." in words(replies(server)[0]))


async def test_a_limit_that_outlasts_the_upload_leaves_the_result_to_its_owner(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.receipts.UPLOAD_SECONDS", 0.1)
    lasting = answers(429, {**LIMIT, "retry_after": 3600}, Via="1.1 google")
    message = await asked(server, executor)
    server.faults += [("PATCH", "@original", lasting)] * 4 + [(*SEND_HERE, FORBIDDEN)]
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: NOT_SENT in words(message))


async def test_a_hanging_upload_is_ended_and_tried_again(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.core.receipts.UPLOAD_SECONDS", 0.3)
    message = await asked(server, executor)
    server.faults.append((*EDIT, hang))
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: len(message.files) == 2)


@pytest.mark.parametrize("fault", [UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK, DEAD])
async def test_one_answer_that_errs_costs_neither_the_job_nor_the_result(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await asked(server, executor)
    server.faults.append((*EDIT, fault))
    executor.job.tell(Started(), Progress(1, 2))
    await until(lambda: "50" in words(message))
    assert not executor.job.cancelled
    server.faults.append((*EDIT, fault))
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: len(message.files) == 2)


@pytest.mark.parametrize("fault", [DEAD, UNKNOWN_WEBHOOK], ids=["401", "404"])
async def test_a_token_that_dies_early_leads_to_the_channel(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, fault: Fault
) -> None:
    message = await asked(server, executor)
    server.faults += [("PATCH", "@original", fault)] * 9
    executor.job.tell(Started(), Progress(1, 2))
    await until(lambda: words(message).endswith(ENGLISH.later_here))  # edited by the bot's own right
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: in_channel(server))
    (sent,) = in_channel(server)
    await until(lambda: len(sent.files) == 2)
    assert sent.called == ["2000"]


async def test_a_message_that_could_not_be_told_of_its_token_s_death_is_told_with_the_result(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    message = await asked(server, executor)
    server.faults += [("PATCH", "@original", DEAD)] * 9
    server.faults.append(("PATCH", "/channels/", reset))  # the farewell
    executor.job.tell(Started(), Progress(1, 2))
    await until(lambda: not any("/channels/" in path for _, path, _ in server.faults))
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: words(message).endswith(ENGLISH.later_here))
    (sent,) = in_channel(server)
    assert len(sent.files) == 2


async def test_a_token_that_is_dead_at_the_end_leads_to_the_channel_and_leaves_no_bar_behind(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    message = await asked(server, executor)
    server.faults += [("PATCH", "@original", DEAD)] * 9
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: words(message).endswith(ENGLISH.later_here))
    await until(lambda: len(in_channel(server)) == 2)
    sent, called = in_channel(server)
    assert len(sent.files) == 2
    assert called.content == f"<@2000> {ENGLISH.pictures_ready}"
    record = await bot.store.jobs.get(executor.job.id)
    assert record
    assert str(record.address.message) == sent.id


async def test_the_result_of_a_deleted_message_goes_to_the_channel(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    message = await asked(server, executor)
    await server.take_away(message)
    server.refuses_rightly = True
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: any(len(sent.files) == 2 for sent in in_channel(server)))


async def test_a_message_that_was_deleted_on_the_way_ends_its_job(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    message = await asked(server, executor)
    await server.take_away(message)
    server.refuses_rightly = True
    executor.job.tell(Started(), Progress(1, 2))
    await until(lambda: executor.job.cancelled)


@pytest.mark.parametrize("fault", [FORBIDDEN, UNKNOWN_CHANNEL])
async def test_what_no_way_takes_is_kept_and_said_on_the_message(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, fault: Fault
) -> None:
    message = await asked(server, executor)
    server.faults += [("PATCH", "@original", FORBIDDEN), (*SEND_HERE, fault), (*SEND_HERE, fault)]
    drawn = pictures(executor.drawing)
    executor.job.tell(drawn)
    await until(lambda: NOT_SENT in words(message))
    server.faults.clear()
    pressed = await server.press(message, ENGLISH.show)
    await until(lambda: len(executor.jobs) == 2)
    executor.jobs[1].tell(drawn)
    await until(lambda: pressed in server.messages and server.messages[pressed].files)
    assert server.messages[pressed].flags & EPHEMERAL


async def test_words_that_discord_refuses_are_not_in_what_is_said_of_them(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    token = await server.slash("ask", image=("cat.png", png()), question="my own words?")
    await until(lambda: executor.jobs and server.messages[token].files)  # the last edit on the way
    server.faults += [("PATCH", "@original", FILTERED)] * 2
    executor.job.tell(answer("See https://evil.example"))
    message = server.messages[token]
    await until(lambda: NOT_SENT in words(message))
    assert "my own words" not in words(message)
    assert [record.state for record in await bot.store.jobs.of(2000)] == ["undelivered"]


@pytest.mark.parametrize("most", [500_000, 150_000, 40_000])
async def test_files_are_made_smaller_and_fewer_until_discord_takes_them(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, most: int
) -> None:
    """Discord takes far less than it says."""
    message = await asked(server, executor, count=5)
    server.request_limit, server.refuses_rightly = most, True
    executor.job.tell(noisy(executor.drawing))
    await until(lambda: sum(len(one.files) for one in server.messages.values()) == 5)
    names = [name.partition(".")[0] for one in server.messages.values() for name in one.files]
    assert sorted(names) == sorted(f"janus-{executor.drawing.seed + i}" for i in range(5))
    assert all(sum(map(len, one.files.values())) <= most for one in server.messages.values())
    assert message.files


async def test_a_fault_of_the_encoder_is_no_fault_of_discord_s(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def broken(*given: object, **options: object) -> bytes:
        tried.append(given)
        raise OSError("encoder error -2")

    message = await asked(server, executor)
    monkeypatch.setattr("bot.media.uploads._saved", broken)
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: "wrong on my side" in words(message))
    assert len(tried) == 1


# -- replies ----------------------------------------------------------------------------------------------------------


def replies(server: Discord) -> list[Message]:
    return [message for message in server.messages.values() if message.author["id"] == "1000"]


@pytest.mark.parametrize("fault", [answers(503, {}), reset, html, cut])
@pytest.mark.parametrize("lost", [True, False])
async def test_a_reply_is_sent_once_whatever_is_lost(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, fault: Fault, lost: bool
) -> None:
    (server.losses if lost else server.faults).append((*SEND_HERE, fault))
    await server.say("<@1000> what is this?", ("cat.png", png()))
    await until(lambda: executor.jobs)
    server.faults.append(("PATCH", "/messages/", fault))
    executor.job.tell(answer("A cat."))
    await until(lambda: replies(server) and "A cat." in words(replies(server)[0]))
    assert len(replies(server)) == 1


async def test_the_answer_of_a_deleted_reply_is_sent_anew(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    await server.say("<@1000> what is this?", ("cat.png", png()))
    await until(lambda: executor.jobs and replies(server))
    await server.take_away(replies(server)[0])
    server.refuses_rightly = True
    executor.job.tell(answer("A cat."))
    await until(lambda: replies(server) and "A cat." in words(replies(server)[0]))
    assert replies(server)[0].called == ["2000"]


async def test_where_a_reply_may_no_longer_be_written_its_author_hears_of_it(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    await server.say("<@1000> what is this?", ("cat.png", png()))
    await until(lambda: executor.jobs and replies(server))
    server.faults += [("PATCH", "/messages/", FORBIDDEN)] * 9
    server.channels[HERE].permissions &= ~SEND
    server.refuses_rightly = True
    executor.job.tell(answer("A cat."))
    await until(lambda: in_channel(server, "5000"))
    (told,) = in_channel(server, "5000")
    assert NOT_SENT in words(told)
    assert [record.state for record in await bot.store.jobs.of(2000)] == ["undelivered"]


# -- clocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [40, -40])
async def test_a_host_whose_clock_is_wrong_forgets_nothing_and_still_knows_how_long_a_token_lives(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = discord.utils.utcnow()
    monkeypatch.setattr(discord.utils, "utcnow", lambda: now + timedelta(days=days))
    message = await asked(server, executor)
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: message.files)
    await bot._sweep()
    assert await bot.store.jobs.get(executor.job.id)
    assert not in_channel(server)


async def test_why_a_message_is_refused_is_said_in_place_of_its_progress_whatever_fails_once(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    server.faults += [("PATCH", "/messages/", fault) for fault in (reset, html, answers(503, {}))]
    await server.say("<@1000> what is this?", ("cat.png", b"no picture at all"))
    await until(lambda: replies(server) and "cat.png" in words(replies(server)[0]))
    assert not server.faults
