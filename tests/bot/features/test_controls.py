"""Who may act on a job: whatever a button claims, its handler looks for itself."""

from typing import Any

import discord
import pytest
import simcord
from simcord import ResponseMessage

from bot.texts import ENGLISH
from model.requests import Failed, Queued
from tests.bot.conftest import World
from tests.bot.features.test_messages import dm
from tests.bot.samples import png
from tests.bot.seen import buttons, shown, text, told_privately
from tests.bot.ui.test_buttons import finished_job, press, seen

DRAWN = ("info", "edit", "again", "vary", "vary_little", "vary_much", "choose", "enlarge", "describe")
ANY = ("cancel", "delete", "ask_more", "try_again")


async def elsewhere(world: World, *, same_server: bool) -> simcord.ChannelHandle:
    guild = world.env.guild if same_server else world.env.create_guild("Another server")
    return guild.create_text_channel("elsewhere")


async def press_in(channel: simcord.ChannelHandle, world: World, custom_id: str, *, rights: bool = False) -> str:
    """Have somebody press, on another message of the bot's, a button that never stood there."""
    assert channel.guild
    all_of_them = channel.guild.create_role("all", permissions=discord.Permissions(8))
    carol = channel.guild.add_member(world.env.create_user("carol"), roles=[all_of_them] if rights else [])
    return told_privately(await press(world, carol, custom_id, channel))


@pytest.mark.parametrize("rest", ["", ":0a1b2c3d4e5f", ":0a1b2c3d4e5f:4", ":x", ":1:2:3", ":1", f":{2**64}:1", ":on"])
async def test_whatever_a_name_is_followed_by_is_answered(world: World, rest: str) -> None:
    rights = world.alice.guild.create_role("all", permissions=discord.Permissions(8))
    boss = world.alice.guild.add_member(world.env.create_user("boss"), roles=[rights])
    for action in sorted(world.bot.actions):
        result = await press(world, boss, f"{action}{rest}")
        assert seen(result).strip(), action
        assert "wrong on my side" not in seen(result), action


@pytest.mark.parametrize("same_server", [True, False], ids=["another channel", "another server"])
async def test_nobody_acts_on_a_job_from_another_place(world: World, same_server: bool) -> None:
    drawing = await finished_job(world, world.alice, "imagine", prompt="a red circle", count=2)
    question = await finished_job(world, world.alice, "ask", image=("cat.png", png()), question="What is this?")
    channel, jobs = await elsewhere(world, same_server=same_server), len(world.executor.jobs)
    for job, names in ((drawing, (*DRAWN, *ANY)), (question, ANY)):
        for name in names:
            assert await press_in(channel, world, f"{name}:{job}", rights=True) == ENGLISH.forgotten, name
        assert await world.bot.store.jobs.get(job)
    assert len(world.executor.jobs) == jobs


async def test_it_says_who_cancelled_if_that_was_not_who_asked(world: World) -> None:
    for member, line in [(world.moderator, f"Cancelled by <@{world.moderator.id}>."), (world.alice, "Cancelled.")]:
        message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
        await member.click(message, label="Cancel")
        assert line in text(message).splitlines()


async def test_who_asked_may_from_anywhere(world: World) -> None:
    drawing = await finished_job(world, world.alice, "imagine", prompt="a red circle", count=2)
    channel = await elsewhere(world, same_server=True)
    result = await press(world, world.alice, f"info:{drawing}", channel)
    assert not result.followups
    await press(world, world.alice, f"delete:{drawing}", channel)
    assert await world.bot.store.jobs.get(drawing) is None


async def test_what_is_private_is_its_owner_s_alone(world: World) -> None:
    options: dict[str, Any] = {"image": ("cat.png", png()), "question": "What is this?", "private": True}
    question = await finished_job(world, world.alice, "ask", **options)
    for name in ANY:
        assert told_privately(await press(world, world.moderator, f"{name}:{question}")) == ENGLISH.forgotten, name
    assert await world.bot.store.jobs.get(question)


async def test_what_stands_in_a_direct_message_is_nobody_else_s(world: World) -> None:
    await dm(world, "What is this?", (("cat.png", png()),))
    job = world.executor.jobs[-1].id
    for name in ANY:
        assert told_privately(await press(world, world.moderator, f"{name}:{job}")) == ENGLISH.forgotten, name


async def test_a_button_of_another_kind_of_job_says_so(world: World) -> None:
    drawing = await finished_job(world, world.alice, "imagine", prompt="a red circle", count=2)
    question = await finished_job(world, world.alice, "ask", image=("cat.png", png()), question="What is this?")
    jobs = len(world.executor.jobs)
    for name in (*DRAWN, *(f"{name}:4" for name in DRAWN)):
        action, _, number = name.partition(":")
        if action in ("again", "edit", "info") and number:
            continue
        told = told_privately(await press(world, world.alice, f"{action}:{question}{f':{number}' if number else ''}"))
        assert told in (ENGLISH.forgotten, ENGLISH.picture_not_here), name
    for name in ("vary", "choose", "enlarge", "describe"):
        assert told_privately(await press(world, world.alice, f"{name}:{drawing}:4")) == ENGLISH.picture_not_here
    assert len(world.executor.jobs) == jobs


# -- in place: twice pressed, once done -------------------------------------------------------------------------------


async def failed(world: World, command: str, **options: Any) -> ResponseMessage:
    message = shown(await world.alice.slash(world.channel, command, **options))
    world.executor.jobs[-1].tell(Failed("", "memory"))
    await world.env.settle()
    assert buttons(message) == ["Try again"]
    return message


QUESTION: dict[str, Any] = {"image": ("cat.png", png()), "question": "What is this?"}


@pytest.mark.parametrize(("command", "options"), [("imagine", {"prompt": "a red circle"}), ("ask", QUESTION)])
async def test_what_is_tried_again_twice_is_done_once(world: World, command: str, options: dict[str, Any]) -> None:
    message = await failed(world, command, **options)
    job = world.executor.job.id
    await world.alice.click(message, label="Try again")
    assert len(world.executor.jobs) == 2
    assert told_privately(await press(world, world.alice, f"try_again:{job}")) == ENGLISH.already_over
    assert len(world.executor.jobs) == 2
    world.executor.jobs[1].tell(Failed("", "memory"))  # the new one can be tried again
    await world.env.settle()
    await world.alice.click(message, label="Try again")
    assert len(world.executor.jobs) == 3


@pytest.mark.parametrize(("command", "options"), [("imagine", {"prompt": "a red circle"}), ("ask", QUESTION)])
async def test_what_the_model_refuses_to_try_again_can_be_tried_later(
    world: World, command: str, options: dict[str, Any]
) -> None:
    message = await failed(world, command, **options)
    before = text(message)
    world.executor.refusal = "At most 90 words, please."
    result = await world.alice.click(message, label="Try again")
    assert "At most 90 words, please." in seen(result)
    assert (text(message), buttons(message)) == (before, ["Try again"])
    world.executor.refusal = None
    result = await world.alice.click(message, label="Try again")
    assert len(world.executor.jobs) == 2
    world.executor.jobs[-1].tell(Queued(1), Failed("At most 90 words, please.", "refused"))  # when it has waited
    await world.env.settle()
    assert (text(message), buttons(message)) == (before, ["Try again"])
    assert [text(told) for told in result.followups if told.ephemeral] == ["At most 90 words, please."]
    await world.alice.click(message, label="Try again")
    assert len(world.executor.jobs) == 3
