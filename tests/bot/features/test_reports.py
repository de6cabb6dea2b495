"""Reports: anybody can, the people whom the server chose hear of it, and can act from there."""

import discord
import pytest
import simcord
from simcord import ResponseMessage

from tests.bot.conftest import World, restart
from tests.bot.scripted import pictures
from tests.bot.seen import buttons, fields, files, gallery, shown, text, told_privately
from tests.bot.ui.test_buttons import press


@pytest.fixture
async def staff(world: World) -> simcord.ChannelHandle:
    """The channel that hears of reports."""
    channel = world.alice.guild.create_text_channel("staff")
    await world.bot.store.servers.change(world.alice.guild.id, {"reports": channel.id})
    return channel


async def drawn(world: World, prompt: str = "a red circle") -> ResponseMessage:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt=prompt, count=2))
    job = world.executor.jobs[-1]
    job.tell(pictures(job.request))  # type: ignore[arg-type]
    await world.env.settle()
    return message


async def report(world: World, message: ResponseMessage, reason: str = "It is *cruel*.") -> simcord.InteractionResult:
    form = await world.bob.context_menu(world.channel, "Report this picture", message)
    (field,) = [field["custom_id"] for field in fields(form)]
    return await world.bob.submit_modal(form, {field: reason})


def cards(channel: simcord.ChannelHandle) -> list[ResponseMessage]:
    return [
        ResponseMessage(channel._env, channel._env.backend.get_message(channel.id, m.id)) for m in channel.history()
    ]


async def test_a_report_comes_before_the_people_whom_the_server_chose(
    world: World, staff: simcord.ChannelHandle
) -> None:
    message = await drawn(world)
    told = await report(world, message)
    assert shown(told).ephemeral
    assert "have been told" in told_privately(told)
    (card,) = cards(staff)
    assert "It is *cruel*." in text(card)
    assert "a red circle" in text(card)
    assert world.bob.mention in text(card)
    assert world.alice.mention in text(card)
    assert f"/{world.channel.id}/{message.id}" in text(card)
    assert [item["spoiler"] for item in gallery(card)] == [True, True]
    assert len(files(card)) == 2
    assert buttons(card) == ["Delete the picture", "Block the member"]


async def test_the_button_under_a_gallery_reports_too(world: World, staff: simcord.ChannelHandle) -> None:
    message = await drawn(world)
    await restart(world)
    form = await world.bob.click(message, label="Report")
    (field,) = [field["custom_id"] for field in fields(form)]
    await world.bob.submit_modal(form, {field: ""})
    (card,) = cards(staff)
    assert f"/{world.channel.id}/{message.id}" in text(card)


async def test_everybody_is_heard_once(world: World, staff: simcord.ChannelHandle) -> None:
    message = await drawn(world)
    form = await world.bob.context_menu(world.channel, "Report this picture", message)
    await report(world, message)
    (field,) = [field["custom_id"] for field in fields(form)]  # which was open before
    assert "already reported this" in told_privately(await world.bob.submit_modal(form, {field: "again"}))
    again = await world.bob.context_menu(world.channel, "Report this picture", message)
    assert "already reported this" in told_privately(again)
    assert len(cards(staff)) == 1


async def test_moderators_delete_the_picture_and_others_can_not(world: World, staff: simcord.ChannelHandle) -> None:
    message = await drawn(world)
    await report(world, message)
    await restart(world)
    (card,) = cards(staff)
    assert "Only members with the “Manage Messages” permission" in told_privately(
        await world.bob.click(card, label="Delete the picture")
    )
    assert [m.id for m in world.channel.history()] == [message.id]
    await world.moderator.click(card, label="Delete the picture")
    assert world.channel.history() == []
    assert await world.bot.store.jobs.shown_on(message.id) is None
    (card,) = cards(staff)
    assert buttons(card) == ["Deleted", "Block the member"]
    assert len(gallery(card)) == 2


async def test_a_role_that_moderates_deletes_the_picture_too(world: World, staff: simcord.ChannelHandle) -> None:
    message = await drawn(world)
    await report(world, message)
    (card,) = cards(staff)
    guild = world.alice.guild
    role = guild.create_role("guardians")
    guardian = guild.add_member(world.env.create_user("guardian"), roles=[role])
    await world.bot.store.servers.change(guild.id, {"roles": {"moderate": [role.id]}})
    refused = told_privately(await world.bob.click(card, label="Delete the picture"))
    assert f"the “Manage Messages” permission or one of these roles can do this: <@&{role.id}>" in refused
    await guardian.click(card, label="Delete the picture")
    assert message.id not in [one.id for one in world.channel.history()]


async def test_who_manages_the_server_blocks_the_member_and_others_can_not(
    world: World, staff: simcord.ChannelHandle
) -> None:
    await report(world, await drawn(world))
    (card,) = cards(staff)
    assert "Only members with the “Manage Server” permission" in told_privately(
        await world.moderator.click(card, label="Block the member")
    )
    role = world.alice.guild.create_role("managers", permissions=discord.Permissions(manage_guild=True))
    manager = world.alice.guild.add_member(world.env.create_user("manager"), roles=[role])
    await manager.click(card, label="Block the member")
    assert "blocked you from using me" in told_privately(
        await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    )
    (card,) = cards(staff)
    assert buttons(card) == ["Delete the picture", "Blocked"]


async def test_without_a_channel_it_is_said(world: World) -> None:
    message = await drawn(world)
    assert "hasn't chosen a channel for reports" in told_privately(
        await world.bob.context_menu(world.channel, "Report this picture", message)
    )


async def test_only_the_bot_s_own_pictures_are_reported(world: World, staff: simcord.ChannelHandle) -> None:
    message = await world.alice.send(world.channel, "look", attachments=[("cat.png", b"x")])
    assert "Only pictures I sent" in told_privately(
        await world.bob.context_menu(world.channel, "Report this picture", message)
    )
    assert cards(staff) == []


async def test_a_report_that_does_not_arrive_can_be_made_again(world: World, staff: simcord.ChannelHandle) -> None:
    message = await drawn(world)
    world.env.inject_error("POST", f"/channels/{staff.id}/messages", status=403, times=1)
    assert "couldn't pass this on" in told_privately(await report(world, message))
    await report(world, message)
    assert len(cards(staff)) == 1


async def test_the_longest_and_ugliest_words_fit(world: World, staff: simcord.ChannelHandle) -> None:
    message = await drawn(world, "*" * 2000)
    await report(world, message, "`" * 500)
    assert len(cards(staff)) == 1


async def test_what_a_button_says_is_to_be_deleted_is_looked_at_where_it_stands(world: World) -> None:
    guild = world.alice.guild
    closed = discord.PermissionOverwrite(manage_messages=False)
    ours = guild.create_text_channel("ours", overwrites={world.moderator: closed})
    theirs = world.env.create_guild("Another server").create_text_channel("theirs")
    alices = await world.alice.send(world.channel, "hello")
    for where, message, says in (
        (ours, await said_by_the_bot(world, ours), "Only members with the “Manage Messages” permission"),
        (theirs, await said_by_the_bot(world, theirs), "Only members with the “Manage Messages” permission"),
        (world.channel, alices.id, "Only pictures I sent"),
    ):
        told = await press(world, world.moderator, f"remove:{where.id}:{message}")
        assert says in text(told.followups[0])
        assert message in [one.id for one in where.history()]


async def said_by_the_bot(world: World, where: simcord.ChannelHandle) -> int:
    channel = world.bot.get_channel(where.id)
    assert isinstance(channel, discord.TextChannel)
    return (await channel.send("something")).id
