"""Where the bot works: servers, threads, direct messages; and that a permission it lacks is named."""

import discord
import pytest
import simcord

from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import gallery, shown, text, told_privately


@pytest.fixture
async def thread(world: World) -> simcord.ChannelHandle:
    channel = world.bot.get_channel(world.channel.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.create_thread(name="a thread", type=discord.ChannelType.public_thread)
    (thread,) = world.channel.threads
    return thread


async def test_in_a_thread(world: World, thread: simcord.ChannelHandle) -> None:
    drawing = shown(await world.alice.slash(thread, "imagine", prompt="a red circle", count=1))
    world.executor.job.tell(pictures(world.executor.drawing))
    question = shown(await world.alice.slash(thread, "ask", image=("cat.png", png()), question="What?"))
    world.executor.jobs[1].tell(answer("A cat."))
    await world.env.settle()
    assert len(gallery(drawing)) == 1
    assert "A cat." in text(question)


async def test_in_direct_messages(world: World) -> None:
    drawing = shown(await world.alice.user.slash("imagine", prompt="a red circle", count=1))
    world.executor.job.tell(pictures(world.executor.drawing))
    question = shown(await world.alice.user.slash("ask", image=("cat.png", png()), question="What?"))
    world.executor.jobs[1].tell(answer("A cat."))
    await world.env.settle()
    assert len(gallery(drawing)) == 1
    assert "A cat." in text(question)
    assert "You have nothing" in told_privately(await world.alice.user.slash("queue"))


@pytest.mark.parametrize("command", ["imagine", "ask"])
async def test_a_missing_permission_is_named_and_costs_nothing(world: World, command: str) -> None:
    guild = world.alice.guild
    channel = guild.create_text_channel(
        "words only", overwrites={guild.default_role: discord.PermissionOverwrite(attach_files=False)}
    )
    options = {"prompt": "a red circle"} if command == "imagine" else {"image": ("cat.png", png()), "question": "What?"}
    assert "I'm missing permissions here: **Attach Files**" in told_privately(
        await world.alice.slash(channel, command, **options)
    )
    assert world.executor.jobs == []


async def test_commands_say_where_they_can_be_used(world: World) -> None:
    commands = {command["name"]: command for command in world.env.backend.commands[None].values()}
    everywhere = ([0, 1], [0, 1, 2])  # servers and single members; servers, the bot, other people
    for name in ("imagine", "ask", "queue", "privacy", "Ask about this image", "Describe this image"):
        assert (sorted(commands[name]["integration_types"]), sorted(commands[name]["contexts"])) == everywhere
    assert (commands["settings"]["integration_types"], sorted(commands["settings"]["contexts"])) == ([0], [0, 1])
    report = commands["Report this picture"]
    assert (report["integration_types"], report["contexts"]) == ([0], [0])
