"""Which roles may do what, in which channels, and who is refused everywhere."""

from types import SimpleNamespace
from typing import Any

import discord
import pytest
import simcord

from bot.core.permissions import roles_of
from bot.texts import ENGLISH
from model.requests import Drawing
from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import fields, shown, text, told_privately


async def choose(world: World, **changes: Any) -> None:
    await world.bot.store.servers.change(world.alice.guild.id, changes)


async def finished(world: World, who: simcord.MemberActor, **options: Any) -> simcord.ResponseMessage:
    message = shown(await who.slash(world.channel, "imagine", prompt="a red circle", **options))
    job = world.executor.jobs[-1]
    assert isinstance(job.request, Drawing)
    job.tell(pictures(job.request))
    await world.env.settle()
    return message


@pytest.fixture
def artist(world: World) -> simcord.MemberActor:
    guild = world.alice.guild
    return guild.add_member(world.env.create_user("artist"), roles=[guild.create_role("artists")])


def role_of(world: World, who: simcord.MemberActor) -> int:
    (role,) = world.env.backend.get_guild(who.guild.id).members[who.id].role_ids
    return int(role)


async def test_who_lacks_the_role_is_told_which_may_draw(world: World, artist: simcord.MemberActor) -> None:
    message = await finished(world, artist, count=1)
    role = role_of(world, artist)
    await choose(world, roles={"draw": [role]})
    said = ENGLISH.roles_draw.format(roles=f"<@&{role}>")
    assert told_privately(await world.bob.slash(world.channel, "imagine", prompt="a red circle")) == said
    for label in ("Again", "Edit", "Vary", "Enlarge"):
        assert told_privately(await world.bob.click(message, label=label)) == said
    await world.bob.slash(world.channel, "ask", image=("cat.png", png()), question="What is this?")
    await artist.click(message, label="Again")
    assert [job.request.kind for job in world.executor.jobs[1:]] == ["question", "drawing"]


async def test_who_lacks_the_role_is_told_which_may_ask(world: World, artist: simcord.MemberActor) -> None:
    message = await finished(world, world.bob, count=1)
    role = role_of(world, artist)
    await choose(world, roles={"ask": [role]})
    said = ENGLISH.roles_ask.format(roles=f"<@&{role}>")
    question = {"image": ("cat.png", png()), "question": "What is this?"}
    assert told_privately(await world.bob.slash(world.channel, "ask", **question)) == said
    for label in ("Describe", "Ask"):
        assert told_privately(await world.bob.click(message, label=label)) == said
    before = world.executor.jobs[:]
    await world.bob.send(world.channel, f"<@{world.bot.user.id}> what?", attachments=[("cat.png", png())])  # type: ignore[union-attr]
    assert said in str([part.content for part in world.channel.history()[-1].components[0].children])  # type: ignore[union-attr]
    assert world.executor.jobs == before
    await artist.slash(world.channel, "ask", **question)
    assert len(world.executor.jobs) == len(before) + 1


async def test_what_is_costly_is_enlarging_many_pictures_and_questions_about_several(
    world: World, artist: simcord.MemberActor
) -> None:
    role = role_of(world, artist)
    await choose(world, roles={"costly": [role]}, imagine={"count": 2})
    said = ENGLISH.roles_costly.format(roles=f"<@&{role}>", n=2)
    message = await finished(world, artist, count=5)
    image = ("cat.png", png())
    assert told_privately(await world.bob.slash(world.channel, "imagine", prompt="x", count=3)) == said
    assert told_privately(await world.bob.click(message, label="Again")) == said  # five once more
    assert told_privately(await world.bob.click(message, label="Enlarge 1")) == said
    assert told_privately(await world.bob.slash(world.channel, "ask", image=image, image_2=image, question="x")) == said
    before = len(world.executor.jobs)
    await world.bob.slash(world.channel, "imagine", prompt="x", count=2)
    await world.bob.slash(world.channel, "ask", image=image, question="x")
    await artist.click(message, label="Again")
    assert len(world.executor.jobs) == before + 3


async def test_a_follow_up_about_several_pictures_is_costly_too(world: World, artist: simcord.MemberActor) -> None:
    image = ("cat.png", png())
    asked = shown(await artist.slash(world.channel, "ask", image=image, image_2=image, question="x"))
    world.executor.job.tell(answer("A cat."))
    await world.env.settle()
    await choose(world, roles={"costly": [role_of(world, artist)]})
    form = await world.bob.click(asked, label="Ask more")
    refused = await world.bob.submit_modal(form, {fields(form)[0]["custom_id"]: "And now?"})
    assert "or ask about several pictures" in text(refused.response or refused.followups[0])


async def test_roles_of_one_server_concern_no_other_and_no_direct_message(
    world: World, artist: simcord.MemberActor
) -> None:
    await choose(world, roles={"draw": [role_of(world, artist)]})
    elsewhere = world.env.create_guild("Another server")
    stranger = elsewhere.add_member(world.env.create_user("carol"))
    await stranger.slash(elsewhere.create_text_channel("pictures"), "imagine", prompt="a square")
    await world.bob.user.slash("imagine", prompt="a square")
    assert len(world.executor.jobs) == 2


def test_where_the_bot_is_no_member_roles_are_those_that_came_along() -> None:
    state: Any = SimpleNamespace(store_user=lambda data, **_: discord.Object(1))
    guild: Any = SimpleNamespace(id=7, get_role=lambda id: None, default_role=None)  # which it knows nothing of
    data: Any = {"user": {"id": "1"}, "roles": ["2", "3"], "flags": 0}
    member = discord.Member(data=data, guild=guild, state=state)
    assert member.roles == []
    assert roles_of(member) == {2, 3, 7}
    assert roles_of(discord.Object(1)) == set()


async def test_everyone_s_role_is_everyone_s(world: World) -> None:
    await choose(world, roles={"draw": [world.alice.guild.id]}, role_hourly={str(world.alice.guild.id): 1})
    await finished(world, world.bob, count=1)
    told = told_privately(await world.bob.slash(world.channel, "imagine", prompt="x"))
    assert "hourly limit (1)" in told


async def test_moderators_by_role_end_and_delete_what_others_asked_for(
    world: World, artist: simcord.MemberActor
) -> None:
    message = await finished(world, world.bob, count=1)
    running = shown(await world.bob.slash(world.channel, "imagine", prompt="x"))
    assert told_privately(await artist.click(message, label="Delete")) == ENGLISH.not_yours
    await choose(world, roles={"moderate": [role_of(world, artist)]})
    assert told_privately(await world.alice.click(message, label="Delete")) == ENGLISH.not_yours
    await artist.click(message, label="Delete")
    assert await world.bot.store.jobs.get(world.executor.jobs[0].id) is None
    await artist.click(running, label="Cancel")
    assert world.executor.jobs[-1].cancelled


async def test_drawing_is_allowed_in_some_channels_their_threads_and_their_category(world: World) -> None:
    guild = world.alice.guild
    other = guild.create_text_channel("talk")
    await choose(world, channels=[world.channel.id])
    said = ENGLISH.drawn_elsewhere.format(channels=f"<#{world.channel.id}>")
    assert told_privately(await world.bob.slash(other, "imagine", prompt="x")) == said
    await world.bob.slash(other, "ask", image=("cat.png", png()), question="x")  # asking is no drawing
    channel = world.bot.get_channel(world.channel.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.create_thread(name="a thread", type=discord.ChannelType.public_thread)
    for place in (world.channel, *world.channel.threads):
        await world.bob.slash(place, "imagine", prompt="x")
    assert len(world.executor.jobs) == 3
    category = guild.create_category("art")
    handle = guild.create_text_channel("studio", category=category)
    await choose(world, channels=[category.id])
    await world.bob.slash(handle, "imagine", prompt="x")
    assert len(world.executor.jobs) == 4
    await choose(world, channels_denied=True)
    assert told_privately(await world.bob.slash(handle, "imagine", prompt="x")) == ENGLISH.not_drawn_here
    await world.alice.slash(other, "imagine", prompt="x")
    assert len(world.executor.jobs) == 5


async def test_hidden_pictures_have_a_channel_of_their_own(world: World) -> None:
    secluded = world.alice.guild.create_text_channel("hidden")
    message = await finished(world, world.bob, count=1, spoiler=True)
    await choose(world, hidden=secluded.id)
    said = ENGLISH.hidden_elsewhere.format(channel=f"<#{secluded.id}>")
    assert told_privately(await world.bob.slash(world.channel, "imagine", prompt="x", spoiler=True)) == said
    for label in ("Again", "Vary", "Enlarge"):
        assert told_privately(await world.bob.click(message, label=label)) == said
    before = len(world.executor.jobs)
    await world.bob.slash(secluded, "imagine", prompt="x", spoiler=True)
    await world.bob.slash(world.channel, "imagine", prompt="x", spoiler=True, private=True)  # nobody else sees it
    await world.bob.slash(world.channel, "imagine", prompt="x")
    assert len(world.executor.jobs) == before + 3
    await choose(world, spoilers=True)  # all are hidden, which says nothing of one
    await world.bob.click(message, label="Again")
    assert len(world.executor.jobs) == before + 4


async def test_a_blocked_member_is_refused_by_whatever_needs_no_model(world: World) -> None:
    message = await finished(world, world.bob, count=2)
    form = await world.bob.click(message, label="Edit")
    running = shown(await world.bob.slash(world.channel, "imagine", prompt="x"))
    queue = shown(await world.bob.slash(world.channel, "queue"))
    privacy = shown(await world.bob.slash(world.channel, "privacy"))
    await world.bot.store.servers.block(world.alice.guild.id, world.bob.id, world.env.now())
    for command in ("queue", "help", "status"):
        assert told_privately(await world.bob.slash(world.channel, command)) == ENGLISH.blocked
    for label in ("1", "Info", "Enlarge 1", "Delete"):
        assert told_privately(await world.bob.click(message, label=label)) == ENGLISH.blocked
    assert told_privately(await world.bob.click(queue, label="Cancel")) == ENGLISH.blocked
    names = [field["custom_id"] for field in fields(form)]
    refused = await world.bob.submit_modal(form, dict(zip(names, ("x", "1", "5", "1", "1"), strict=True)))
    assert told_privately(refused) == ENGLISH.blocked
    assert told_privately(await world.bob.click(running, label="Cancel")) == ENGLISH.blocked
    assert len(world.executor.jobs) == 2
    for label in ("Forget me", "Yes, forget me"):  # what they are owed
        await world.bob.click(privacy, label=label)
    assert text(privacy) == ENGLISH.forgotten_all
    assert text(shown(await world.alice.slash(world.channel, "queue"))) != ENGLISH.blocked
