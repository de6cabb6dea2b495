"""Questions that come as messages."""

from types import SimpleNamespace
from typing import Any

import discord
import pytest
import simcord
from simcord.enums import MessageType

from bot.features.ask import messages
from model.requests import Failed, Started, Text
from tests.bot.conftest import World, restart
from tests.bot.samples import fitted, png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import files, shown

CAT = ("cat.png", png())


def me(world: World) -> str:
    assert world.bot.user
    return world.bot.user.mention


def replies(world: World, channel: simcord.ChannelHandle | None = None) -> list[discord.Message]:
    """What the bot said in a channel."""
    return [message for message in (channel or world.channel).history() if message.author == world.bot.user]


def said(message: discord.Message) -> str:
    return "\n".join(
        part["content"]
        for part in simcord.components.walk_components([component.to_dict() for component in message.components])
        if part["type"] == 10
    ).replace("\\", "")


async def dm(world: World, words: str = "", files: tuple[tuple[str, bytes], ...] = (), **more: Any) -> discord.Message:
    """Alice writes to the bot itself."""
    user = world.alice.user
    stored = world.env.backend.store_attachments(user.dm_channel.id, files)
    return await user.send_dm(words, attachments=stored, **more)


async def last(world: World, channel: simcord.ChannelHandle | None = None) -> discord.Message:
    return replies(world, channel)[-1]


# -- in a channel -----------------------------------------------------------------------------------------------------


async def test_a_reply_that_mentions_the_bot_asks_about_the_picture(world: World) -> None:
    seen = await world.bob.send(world.channel, "look!", attachments=[CAT])
    asked = await world.alice.send(world.channel, f"{me(world)} what is this?", reply_to=seen)
    assert world.executor.last_question.question == "what is this?"
    assert world.executor.last_question.owner == str(world.alice.id)
    assert world.executor.last_question.pictures == (fitted(),)
    assert replies(world)[-1].reference
    assert replies(world)[-1].reference.message_id == asked.id  # type: ignore[union-attr]
    world.executor.job.tell(Started(), Text("A"))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "A" in said(await last(world))
    world.executor.job.tell(answer("A cat."))
    await world.env.settle()
    assert "A cat." in said(await last(world))
    assert len(replies(world)) == 1
    assert files(await last(world))[0].filename == "picture.webp"


async def test_a_mention_alone_has_it_described(world: World) -> None:
    seen = await world.bob.send(world.channel, "look!", attachments=[CAT])
    await world.alice.send(world.channel, me(world), reply_to=seen)
    assert world.executor.last_question.question == "Describe this image."


async def test_a_mention_with_pictures_of_its_own(world: World) -> None:
    files = [(f"{number}.png", png()) for number in range(6)]
    await world.alice.send(world.channel, f"{me(world)} which is red?", attachments=files)
    assert len(world.executor.last_question.pictures) == 4
    world.executor.job.tell(answer("All."))
    await world.env.settle()
    assert "I can look at 4 pictures at a time" in said(await last(world))


async def test_a_reply_to_an_answer_goes_on_with_it(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "ask", image=CAT, question="What is this?"))
    await world.bob.send(world.channel, f"{me(world)} sure?", reply_to=message)
    assert "I haven't answered that yet" in said(await last(world))
    world.executor.jobs[-1].tell(answer("A cat."))
    await world.env.settle()
    await world.bob.send(world.channel, f"{me(world)} which colour?", reply_to=message)
    assert world.executor.last_question.turns[0].answer == "A cat."
    assert world.executor.last_question.question == "which colour?"
    world.executor.jobs[-1].tell(answer("Grey."))
    await world.env.settle()
    await world.alice.send(world.channel, "and how old?", reply_to=await last(world))  # the reply itself calls the bot
    assert [turn.answer for turn in world.executor.last_question.turns] == ["A cat.", "Grey."]


async def test_a_reply_that_discord_hides_is_asked_to_mention_the_bot(world: World) -> None:
    """Replies to the answer of a command do not count as calling the bot."""
    world.env.approved_intents = discord.Intents.default()
    await restart(world)
    message = shown(await world.alice.slash(world.channel, "ask", image=CAT, question="What is this?"))
    world.executor.jobs[-1].tell(answer("A cat."))
    await world.env.settle()
    await world.bob.send(world.channel, "which colour?", reply_to=message)
    assert "Mention me in your reply, or press “Ask more”" in said(await last(world))
    await world.env.advance_time(61)
    assert (await last(world)).id == message.id
    assert len(world.executor.jobs) == 1


async def test_a_reply_to_a_command_s_answer_is_fetched_where_that_is_allowed(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "ask", image=CAT, question="What is this?"))
    world.executor.jobs[-1].tell(answer("A cat."))
    await world.env.settle()
    await world.bob.send(world.channel, "which colour?", reply_to=message)
    assert world.executor.last_question.question == "which colour?"
    assert world.executor.last_question.turns[0].answer == "A cat."


async def test_talk_about_a_drawing_asks_nothing_and_a_question_does(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    world.executor.jobs[-1].tell(pictures(world.executor.drawing))
    await world.env.settle()
    await world.bob.send(world.channel, "nice!", reply_to=message)
    assert len(world.executor.jobs) == 1
    await world.bob.send(world.channel, f"{me(world)} what is on the second?", reply_to=message)
    assert len(world.executor.last_question.pictures) == 4


async def test_a_picture_that_discord_does_not_show_is_explained(world: World) -> None:
    """Without the Message Content intent the bot sees that there is a message, and nothing of it."""
    world.env.approved_intents = discord.Intents.default()
    await restart(world)
    seen = await world.bob.send(world.channel, "look!", attachments=[CAT])
    await world.alice.send(world.channel, f"{me(world)} what is this?", reply_to=seen)
    assert "Discord doesn't show me that message" in said(await last(world))
    assert "Ask about this image" in said(await last(world))
    assert world.executor.jobs == []


async def test_a_message_with_no_picture_says_so(world: World) -> None:
    words = await world.bob.send(world.channel, "look!")
    await world.alice.send(world.channel, f"{me(world)} what is this?", reply_to=words)
    assert "no picture in that message" in said(await last(world))
    await world.alice.send(world.channel, f"hello {me(world)}")
    assert "Send me a picture with your question" in said(await last(world))
    assert world.executor.jobs == []


async def test_a_message_that_is_gone_says_so(world: World) -> None:
    seen = await world.bob.send(world.channel, "look!", attachments=[CAT])
    world.env.inject_error("GET", "/channels/*/messages/*", status=404, code=10008, times=2)
    await world.alice.send(world.channel, f"{me(world)} what is this?", reply_to=seen)
    await world.env.advance_time(2)
    assert "has been deleted" in said(await last(world))


async def test_a_message_is_not_taken_for_gone_because_discord_errs_once(world: World) -> None:
    seen = await world.bob.send(world.channel, "look!", attachments=[CAT])
    world.env.inject_error("GET", "/channels/*/messages/*", status=404, code=10008, times=1)
    await world.alice.send(world.channel, f"{me(world)} what is this?", reply_to=seen)
    await world.env.advance_time(2)
    assert world.executor.question.question == "what is this?"


@pytest.mark.parametrize("file", [("notes.txt", b"hello"), ("broken.png", png((200, 200))[:60])])
async def test_bad_files_are_refused_in_the_reply(world: World, file: tuple[str, bytes]) -> None:
    await world.alice.send(world.channel, f"{me(world)} what is this?", attachments=[file])
    assert file[0] in said(await last(world))
    assert len(replies(world)) == 1
    assert world.executor.jobs == []


async def test_bots_webhooks_and_discord_itself_are_never_answered(world: World) -> None:
    guild = world.env.guild
    robot = guild.add_member(world.env.create_user("robot", bot=True))
    await robot.send(world.channel, f"{me(world)} what is this?", attachments=[CAT])
    hook = guild.create_webhook(world.channel)
    await hook.send(f"{me(world)} what is this?", attachments=[CAT])
    guild.create_system_message(world.channel, MessageType.NEW_MEMBER, author=world.bob)
    await world.alice.send(world.channel, "what is this?", attachments=[CAT])  # to nobody
    await world.env.settle()
    assert world.executor.jobs == []
    assert replies(world) == []


async def test_blocked_members_are_not_answered(world: World) -> None:
    await world.bot.store.servers.block(world.env.guild.id, world.alice.id, world.env.now())
    await world.alice.send(world.channel, f"{me(world)} what is this?", attachments=[CAT])
    assert replies(world) == []
    assert world.executor.jobs == []


@pytest.mark.parametrize(
    ("denied", "named"),
    [("attach_files", "Attach Files"), ("read_message_history", "Read Message History")],
)
async def test_a_missing_permission_is_named_there(world: World, denied: str, named: str) -> None:
    channel = closed(world, denied)
    await world.alice.send(channel, f"{me(world)} what is this?", attachments=[CAT])
    assert named in said(await last(world, channel))
    assert world.executor.jobs == []


async def test_where_it_may_not_write_it_tells_the_asker(world: World) -> None:
    channel = closed(world, "send_messages")
    await world.alice.send(channel, f"{me(world)} what is this?", attachments=[CAT])
    assert replies(world, channel) == []
    told = said(await last(world, world.alice.user.dm_channel))
    assert "Send Messages" in told
    assert channel.mention in told


def closed(world: World, denied: str) -> simcord.ChannelHandle:
    """A channel where the bot may not do something."""
    guild = world.env.guild
    (role,) = [guild.roles[name] for name in guild.roles if name == world.bot.user.name]  # type: ignore[union-attr]
    return guild.create_text_channel("closed", overwrites={role: discord.PermissionOverwrite(**{denied: False})})


async def test_a_message_is_cancelled_and_tried_again_as_a_command_is(world: World) -> None:
    await world.alice.send(world.channel, f"{me(world)} what is this?", attachments=[CAT])
    await world.alice.click(await last(world), label="Cancel")
    assert world.executor.job.cancelled
    assert "Cancelled." in said(await last(world))
    await world.alice.send(world.channel, f"{me(world)} what is this?", attachments=[CAT])
    world.executor.jobs[-1].tell(Failed("", "memory"))
    await world.env.settle()
    assert "enough memory" in said(await last(world))
    await world.alice.click(await last(world), label="Try again")
    world.executor.jobs[-1].tell(answer("A cat."))
    await world.env.settle()
    assert "A cat." in said(await last(world))
    assert len(world.executor.jobs) == 3
    await world.alice.send(world.channel, "which colour?", reply_to=await last(world))
    assert [turn.answer for turn in world.executor.last_question.turns] == ["A cat."]


async def test_a_full_queue_and_a_bug_are_told_in_the_reply(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.bot.queue.slots.most = 0
    await world.alice.send(world.channel, f"{me(world)} what is this?", attachments=[CAT])
    assert "Too many people" in said(await last(world))
    world.bot.queue.slots.most = 9

    async def boom(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(world.bot.store.jobs, "shown_on", boom)
    seen = await world.bob.send(world.channel, "look!", attachments=[CAT])
    await world.alice.send(world.channel, f"{me(world)} what is this?", reply_to=seen)
    assert "wrong on my side" in said(await last(world))
    assert "boom" in caplog.text


async def test_a_reply_that_was_deleted_ends_its_job(world: World) -> None:
    await world.alice.send(world.channel, f"{me(world)} what is this?", attachments=[CAT])
    await world.moderator.delete(await last(world))
    world.executor.job.tell(Started(), Text("A"))
    await world.env.settle()
    await world.env.advance_time(4)
    assert world.executor.job.cancelled


# -- in direct messages -----------------------------------------------------------------------------------------------


async def test_a_picture_in_a_direct_message(world: World) -> None:
    there = world.alice.user.dm_channel
    await dm(world, files=(CAT,))
    assert world.executor.last_question.question == "Describe this image."
    world.executor.jobs[-1].tell(answer("A cat."))
    await world.env.settle()
    assert "A cat." in said(await last(world, there))
    await dm(world, "What is this?", (CAT, CAT))
    assert world.executor.last_question.question == "What is this?"
    assert len(world.executor.last_question.pictures) == 2
    assert world.executor.last_question.turns == ()


async def test_words_in_a_direct_message_go_on_from_the_last_answer(world: World) -> None:
    await dm(world, "hello")
    assert "Send me a picture with your question" in said(await last(world, world.alice.user.dm_channel))
    await dm(world, "What is this?", (CAT,))
    world.executor.jobs[-1].tell(answer("A cat."))
    await world.env.settle()
    await dm(world, "Which colour?")
    assert world.executor.last_question.question == "Which colour?"
    assert [turn.answer for turn in world.executor.last_question.turns] == ["A cat."]


# -- what Discord does a moment later, or not at all ------------------------------------------------------------------


async def test_a_link_is_looked_at_again_when_discord_has_had_time_to_preview_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = "https://images-ext-1.discordapp.net/external/abc/cat.png"
    world.env.backend.cdn._blobs[proxy] = png()

    async def preview(seconds: float) -> None:
        assert seconds == messages.LINK_SECONDS
        stored = world.env.backend.get_message(world.channel.id, world.channel.history()[-1].id)
        stored.embeds = [{"type": "image", "thumbnail": {"url": "https://example.com/cat.png", "proxy_url": proxy}}]

    monkeypatch.setattr(messages, "asyncio", SimpleNamespace(sleep=preview))
    await world.alice.send(world.channel, f"{me(world)} what is this? https://example.com/cat.png")
    assert world.executor.last_question.pictures == (fitted(),)


async def test_a_link_without_a_preview_is_no_picture(world: World) -> None:
    await world.alice.send(world.channel, f"{me(world)} what is this? https://example.com/page")
    await world.env.advance_time(3)
    assert "Send me a picture with your question" in said(await last(world))


@pytest.mark.parametrize("code", [50083, 160005, 50001, 160002])
async def test_where_the_bot_can_not_answer_its_author_alone_is_told(world: World, code: int) -> None:
    world.env.inject_error("POST", f"/channels/{world.channel.id}/messages", status=403, code=code)
    await world.alice.send(world.channel, f"{me(world)} what is this?", attachments=[CAT])
    assert replies(world) == []
    (told,) = [message for message in world.alice.user.dm_channel.history() if message.author == world.bot.user]
    assert f"I can't reply in <#{world.channel.id}>" in said(told)


async def test_an_answer_in_a_thread_that_was_archived_meanwhile_comes_as_a_new_message(world: World) -> None:
    await world.alice.send(world.channel, f"{me(world)} what is this?", attachments=[CAT])
    first = await last(world)
    world.env.inject_error("PATCH", f"/channels/{world.channel.id}/messages/*", status=400, code=50083)
    world.executor.job.tell(answer("A cat."))
    await world.env.settle()
    new = await last(world)
    assert new.id != first.id
    assert "A cat." in said(new)
    assert await world.bot.store.jobs.shown_on(new.id)  # so that one can go on from it


async def test_all_answers_in_a_channel_together_stay_below_its_limit_of_edits(world: World) -> None:
    for who in (world.alice, world.bob):
        for _ in range(4):
            await who.send(world.channel, f"{me(world)} what is this?", attachments=[CAT])
    jobs = world.executor.jobs
    assert len(jobs) == 8
    edits: list[int] = []
    for second in range(40):
        before = len(world.env.http_requests)
        for job in jobs:
            job.tell(Started(), Text(f"word{second} "))
        await world.env.settle()
        await world.env.advance_time(1)
        edits.append(sum(request.method == "PATCH" for request in world.env.http_requests[before:]))
    assert all(sum(edits[second : second + 5]) <= 8 for second in range(35))
    assert 20 <= sum(edits) <= 40  # five in five seconds would be 40


async def test_no_edit_names_anybody_whatever_the_words_are(world: World) -> None:
    await world.alice.send(world.channel, f"{me(world)} is this @everyone?", attachments=[CAT])
    world.executor.job.tell(answer(f"Yes: @everyone and {world.bob.mention}"))
    await world.env.settle()
    edits = [request.json or {} for request in world.env.http_requests if request.method == "PATCH"]
    assert edits
    assert [edit["allowed_mentions"]["parse"] for edit in edits] == [[]] * len(edits)
