"""Keep and Send to me: one message a picture, which counts who kept it; and why not, where that can't be."""

from types import SimpleNamespace
from typing import Any

import discord
import pytest
import simcord

from bot.media.inputs import pictures_on
from bot.texts import ENGLISH
from model.requests import Drawing
from tests.bot.conftest import World
from tests.bot.features.test_messages import replies, said
from tests.bot.scripted import pictures
from tests.bot.seen import buttons, shown, told_privately


@pytest.fixture
async def best(world: World) -> simcord.ChannelHandle:
    """The channel that the server chose."""
    channel = world.alice.guild.create_text_channel("best")
    await world.bot.store.servers.change(world.alice.guild.id, {"kept": channel.id})
    return channel


async def drawn(
    world: World, *, count: int = 1, where: simcord.ChannelHandle | None = None, **options: Any
) -> simcord.ResponseMessage:
    message = shown(
        await world.alice.slash(where or world.channel, "imagine", prompt="a *red* circle", count=count, **options)
    )
    job = world.executor.jobs[-1]
    assert isinstance(job.request, Drawing)
    job.tell(pictures(job.request))
    await world.env.settle()
    return message


async def keep(who: simcord.MemberActor, message: simcord.ResponseMessage, label: str = "Keep") -> str:
    return told_privately(await who.click(message, label=label))


def names(world: World, channel: simcord.ChannelHandle) -> list[tuple[str, bool]]:
    return [(one.filename, one.is_spoiler()) for post in replies(world, channel) for one in pictures_on(post)]


async def test_a_picture_is_kept_once_and_counts_its_keepers(world: World, best: simcord.ChannelHandle) -> None:
    message = await drawn(world)
    assert f"/{best.id}/" in await keep(world.bob, message)
    (post,) = replies(world, best)
    assert "a *red* circle" in said(post)
    assert f"Kept by: 1 · Requested by <@{world.alice.id}> · [View](" in said(post)
    assert f"/{world.channel.id}/{message.id})" in said(post)
    assert "seed" in said(post)
    before = names(world, best)
    assert "Kept:" in await keep(world.alice, message)
    assert "You've already kept it" in await keep(world.bob, message)
    (post,) = replies(world, best)
    assert "Kept by: 2" in said(post)
    assert names(world, best) == before != []


async def test_of_several_pictures_one_is_chosen_and_kept(world: World, best: simcord.ChannelHandle) -> None:
    message = await drawn(world, count=3)
    assert "Keep" not in buttons(message)  # a gallery has buttons enough
    one = shown(await world.bob.click(message, label="2"))
    await keep(world.bob, one)
    seed = world.executor.drawing.seed + 1
    assert names(world, best) == [(f"janus-{seed}.png", False)]
    assert f"seed {seed}" in said(replies(world, best)[0])
    other = shown(await world.bob.click(message, label="3"))
    await keep(world.bob, other)
    assert len(replies(world, best)) == 2


async def test_what_is_hidden_stays_so_and_goes_to_its_own_channel(world: World, best: simcord.ChannelHandle) -> None:
    guild = world.alice.guild
    message = await drawn(world, spoiler=True)
    await keep(world.bob, message)
    assert [hidden for _, hidden in names(world, best)] == [True]
    secluded = guild.create_text_channel("hidden")
    await world.bot.store.servers.change(guild.id, {"hidden": secluded.id})
    second = await drawn(world, where=secluded, spoiler=True)
    await keep(world.bob, second)
    assert [hidden for _, hidden in names(world, secluded)][-1:] == [True]
    assert len(replies(world, best)) == 1


async def test_where_no_channel_is_chosen_there_is_no_button_and_an_old_one_says_so(
    world: World, best: simcord.ChannelHandle
) -> None:
    message = await drawn(world)
    await world.bot.store.servers.change(world.alice.guild.id, {"kept": None})
    assert await keep(world.bob, message) == ENGLISH.no_keeping.format(send_me="Send to me")
    assert "Keep" not in buttons(await drawn(world))


async def test_a_channel_closed_to_the_bot_is_named_and_nobody_is_counted(
    world: World, best: simcord.ChannelHandle
) -> None:
    message = await drawn(world)
    channel = world.bot.get_channel(best.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.set_permissions(channel.guild.me, attach_files=False)
    told = await keep(world.bob, message)
    assert best.mention in told
    assert "Attach Files" in told
    await channel.set_permissions(channel.guild.me, attach_files=True)
    await keep(world.bob, message)
    assert "Kept by: 1" in said(replies(world, best)[0])


async def test_who_could_not_be_served_can_try_again(
    world: World, best: simcord.ChannelHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = await drawn(world)
    with monkeypatch.context() as broken:
        broken.setattr(discord.TextChannel, "send", forbidden(50013))
        assert await keep(world.bob, message) == ENGLISH.not_taken
    assert await world.bot.store.database.rows("SELECT * FROM keepers") == []
    await keep(world.bob, message)
    assert len(replies(world, best)) == 1


async def test_whom_a_dying_process_counted_can_keep_it_all_the_same(world: World, best: simcord.ChannelHandle) -> None:
    message = await drawn(world)
    job = world.executor.jobs[-1].id
    assert await world.bot.store.keepers.add(job, 0, world.bob.id, world.env.now())
    await keep(world.bob, message)
    assert "Kept by: 1" in said(replies(world, best)[0])
    assert "You've already kept it" in await keep(world.bob, message)


async def test_what_was_deleted_from_there_is_not_put_back(world: World, best: simcord.ChannelHandle) -> None:
    message = await drawn(world)
    await keep(world.bob, message)
    await replies(world, best)[0].delete()
    assert await keep(world.alice, message) == ENGLISH.kept_removed
    assert replies(world, best) == []


async def test_pictures_of_adults_channels_stay_in_such(world: World, best: simcord.ChannelHandle) -> None:
    source, kept = world.bot.get_channel(world.channel.id), world.bot.get_channel(best.id)
    assert isinstance(source, discord.TextChannel)
    assert isinstance(kept, discord.TextChannel)
    source.nsfw = True
    message = await drawn(world)
    assert await keep(world.bob, message) == ENGLISH.kept_for_adults.format(channel=best.mention)
    kept.nsfw = True
    await keep(world.bob, message)
    assert len(replies(world, best)) == 1


async def test_a_picture_is_sent_to_who_pressed(world: World) -> None:
    message = await drawn(world, spoiler=True)
    told = await keep(world.bob, message, "Send to me")
    (post,) = replies(world, world.bob.user.dm_channel)
    assert f"/@me/{world.bob.user.dm_channel.id}/{post.id})" in told
    assert "a *red* circle" in said(post)
    assert "Kept by" not in said(post)
    assert [one.is_spoiler() for one in pictures_on(post)] == [True]
    assert replies(world, world.alice.user.dm_channel) == []


async def test_in_direct_messages_there_is_nothing_to_keep_or_send(world: World) -> None:
    message = shown(await world.alice.user.slash("imagine", prompt="a red circle", count=1))
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert not {"Keep", "Send to me"} & set(buttons(message))


async def test_so_many_presses_in_an_hour(world: World, best: simcord.ChannelHandle) -> None:
    message = await drawn(world)
    world.bot.presses.most = 1
    await keep(world.bob, message)
    assert "You've pressed 1 buttons" in await keep(world.bob, message, "Send to me")


async def test_what_is_deleted_takes_along_what_was_kept(world: World, best: simcord.ChannelHandle) -> None:
    message = await drawn(world)
    for who in (world.alice, world.bob):
        await keep(who, message)
    privacy = shown(await world.bob.slash(world.channel, "privacy"))
    for label in ("Forget me", "Yes, forget me"):
        await world.bob.click(privacy, label=label)
    rows = await world.bot.store.database.rows("SELECT member FROM keepers")
    assert [row["member"] for row in rows] == [world.alice.id]
    await world.alice.click(message, label="Delete")
    assert replies(world, best) == []
    for table in ("kept", "keepers"):
        assert await world.bot.store.database.rows(f"SELECT * FROM {table}") == []


def forbidden(code: int) -> Any:
    async def send(*_: object, **__: object) -> None:
        response: Any = SimpleNamespace(status=403, reason="Forbidden", headers={})
        raise discord.Forbidden(response, {"code": code, "message": "No"})

    return send
