"""What members do with the bot, on real sockets and a Discord that refuses what Discord refuses."""

from typing import Any

import pytest
from PIL import Image

from bot.config import Limits
from bot.core.client import JanusBot
from bot.texts import ENGLISH
from model.requests import Drawing, Enlarge, Pictures, Preview, Progress, Text
from tests.bot.samples import png
from tests.bot.scripted import ScriptedExecutor, answer, pictures
from tests.loopback.discord_server import Discord
from tests.loopback.messages import Message
from tests.loopback.state import FORUM, NEWS, STAGE, TEXT, THREAD, VOICE, Channel
from tests.loopback.test_faults import bot, executor, server, until, words
from tests.loopback.wire import walk

MANAGE_GUILD = 1 << 5
LONGEST = Limits().prompt_characters

__all__ = ["bot", "executor", "server"]


@pytest.fixture(autouse=True)
def _refused_nothing(server: Discord) -> Any:
    yield
    assert server.refusals == []


async def shown(server: Discord, token: str) -> Message:
    await until(lambda: token in server.messages)
    return server.messages[token]


async def drawn(server: Discord, executor: ScriptedExecutor, words: str = "a red circle", **options: Any) -> Message:
    token = await server.slash("imagine", prompt=words, **options)
    await until(lambda: executor.jobs)
    drawing = executor.jobs[-1].request
    assert isinstance(drawing, Drawing)
    executor.jobs[-1].tell(pictures(drawing))
    message = await shown(server, token)
    await until(lambda: len(message.files) == drawing.count)
    return message


async def test_previews_and_the_edits_that_keep_them(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    token = await server.slash("imagine", prompt="a red circle", count=2)
    await until(lambda: executor.jobs)
    message = await shown(server, token)
    sketch = Image.new("RGB", (64, 64), "red")
    executor.job.tell(Progress(100, 576), Preview((sketch, sketch)))
    await until(lambda: len(message.files) == 2)
    executor.job.tell(Progress(200, 576))
    await until(lambda: "200" in words(message) or "34" in words(message) or "35" in words(message))
    assert len(message.files) == 2
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: all(name.startswith("janus-") for name in message.files))


async def test_what_a_careful_drawing_kept_is_sent_alone_and_found_again(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    message = await drawn(server, executor, seed=7, count=2, careful=True)
    assert list(message.files) == ["janus-10.png", "janus-9.png"]
    told = await shown(server, await server.press(message, ENGLISH.info))
    await until(lambda: "chosen from 4" in words(told))
    token = await server.press(message, ENGLISH.enlarge_number.format(number=1))
    await until(lambda: len(executor.jobs) == 2)
    assert isinstance(executor.jobs[-1].request, Enlarge)
    executor.jobs[-1].tell(Pictures((Image.new("RGB", (128, 128)),), (), (), {}))
    await until(lambda: token in server.messages and "janus-10-x2.png" in server.messages[token].files)


@pytest.mark.parametrize("label", ["1", "2", "5"])
async def test_a_number_and_what_follows_it(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, label: str
) -> None:
    message = await drawn(server, executor, count=5)
    chosen = await shown(server, await server.press(message, label))
    await until(lambda: chosen.components)
    token = await server.press(chosen, ENGLISH.enlarge)
    await until(lambda: len(executor.jobs) == 2)
    assert isinstance(executor.jobs[-1].request, Enlarge)
    enlarging = await shown(server, token)
    executor.jobs[-1].cancel()
    await until(lambda: "Cancelled" in words(enlarging))
    await server.press(chosen, ENGLISH.vary)
    await until(lambda: len(executor.jobs) == 3)
    await server.press(chosen, ENGLISH.describe)
    await until(lambda: len(executor.jobs) == 4)
    form = await server.press(chosen, ENGLISH.ask_this)
    await until(lambda: server.interactions[form].form)
    token = await server.submit(server.interactions[form].form or {}, "What colour?")
    await until(lambda: len(executor.jobs) == 5)
    executor.jobs[-1].tell(answer("A circle."))
    said = await shown(server, token)
    await until(lambda: "A circle." in words(said))


async def test_a_report_and_its_card(bot: JanusBot, server: Discord, executor: ScriptedExecutor) -> None:
    await bot.store.servers.change(3000, {"reports": 4000})
    message = await drawn(server, executor, count=2)
    form = await server.menu(ENGLISH.menu_report, message)
    await until(lambda: server.interactions[form].form)
    await server.submit(server.interactions[form].form or {}, "It is ugly.")
    await until(lambda: [one for one in server.messages.values() if ENGLISH.report_card in words(one)])
    (card,) = [one for one in server.messages.values() if ENGLISH.report_card in words(one)]
    assert len(card.files) == 2
    server.may |= MANAGE_GUILD
    await server.press(card, ENGLISH.block)
    await until(lambda: any(part.get("label") == ENGLISH.block_done for part in walk(card.components)))
    assert len(card.files) == 2


async def test_what_made_a_picture(bot: JanusBot, server: Discord, executor: ScriptedExecutor) -> None:
    message = await drawn(server, executor, count=2)
    told = await shown(server, await server.menu(ENGLISH.menu_provenance, message))
    await until(lambda: "a red circle" in words(told))


@pytest.mark.parametrize("command", ["queue", "status", "help", "settings", "privacy", "limits"])
async def test_a_command_that_only_tells(bot: JanusBot, server: Discord, command: str) -> None:
    if command in server.commands:
        token = await server.slash(command)
        assert words(await shown(server, token))


async def test_an_answer_that_streams(bot: JanusBot, server: Discord, executor: ScriptedExecutor) -> None:
    token = await server.slash("ask", image=("cat.png", png((500, 400))), question="What?")
    await until(lambda: executor.jobs)
    message = await shown(server, token)
    executor.job.tell(Text("A"))
    await until(lambda: words(message).endswith("\nA") or "\nA" in words(message))
    executor.job.tell(Text(" cat"))
    await until(lambda: "A cat" in words(message))
    executor.job.tell(answer("A cat, " * 2000))
    await until(lambda: "answer.txt" in message.files)


async def channel_of(server: Discord, kind: int, parent: int = TEXT) -> Channel:
    """Take alice to a new channel, or to a thread or post below one."""
    if parent != TEXT:
        above = server.channels["5999"] = Channel("5999", parent)
        await server.dispatch("CHANNEL_CREATE", above.payload())
    made = Channel("6000", kind, parent_id="4000" if parent == TEXT else "5999")
    server.channels["6000"] = made
    await server.dispatch("THREAD_CREATE" if kind == THREAD else "CHANNEL_CREATE", made.payload())
    server.here = "6000"
    return made


@pytest.mark.parametrize(
    ("kind", "parent"), [(TEXT, TEXT), (THREAD, TEXT), (THREAD, FORUM), (VOICE, TEXT), (STAGE, TEXT), (NEWS, TEXT)]
)
@pytest.mark.parametrize("way", ["mention", "slash"])
async def test_everywhere(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, kind: int, parent: int, way: str
) -> None:
    await channel_of(server, kind, parent)
    if way == "slash":
        await drawn(server, executor, count=1)
        return
    await server.say("<@1000> What is this?", ("cat.png", png()))
    await until(lambda: executor.jobs)
    executor.job.tell(answer("A cat."))
    await until(lambda: [one for one in server.messages.values() if "A cat." in words(one)])


async def test_a_thread_that_was_archived_opens_again_for_an_answer(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    thread = await channel_of(server, THREAD)
    thread.archived = True
    await server.say("<@1000> What is this?", ("cat.png", png()))
    await until(lambda: executor.jobs)
    executor.job.tell(answer("A cat."))
    await until(lambda: [one for one in server.messages.values() if "A cat." in words(one)])


async def test_in_a_thread_that_is_locked_its_author_alone_is_told(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    thread = await channel_of(server, THREAD)
    thread.archived = thread.locked = True
    await server.say("<@1000> What is this?", ("cat.png", png()))
    await until(lambda: [one for one in server.messages.values() if "I can't reply in" in words(one)])
    (told,) = [one for one in server.messages.values() if "I can't reply in" in words(one)]
    assert server.channels[told.channel_id].guild_id is None
    assert len(server.refusals) == 1  # the answer, where it was asked for
    server.refusals.clear()


@pytest.mark.parametrize(("locale", "letter"), [("en-US", "x"), ("ja", "猫"), ("fr", "😀")])
async def test_the_longest_answers(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor, locale: str, letter: str
) -> None:
    """Of letters of one, three and four bytes."""
    server.locale = locale
    token = await server.slash("ask", image=("cat.png", png()), question=letter * LONGEST)
    await until(lambda: executor.jobs)
    executor.job.tell(answer(letter * 6000, complete=False))
    message = await shown(server, token)
    await until(lambda: "answer.txt" in message.files)


@pytest.mark.parametrize("letter", ["x", "猫", "😀"])
async def test_the_longest_prompts(bot: JanusBot, server: Discord, executor: ScriptedExecutor, letter: str) -> None:
    message = await drawn(server, executor, count=2, words=letter * LONGEST)
    assert await shown(server, await server.press(message, ENGLISH.info))
