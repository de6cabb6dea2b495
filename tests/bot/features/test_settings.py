"""/settings: who may open it, that what they choose holds at once, survives a restart and ends at the server."""

from typing import Any

import discord
import pytest
import simcord
from simcord import ResponseMessage
from simcord.components import walk_components

from model.requests import Drawing, Question
from tests.bot.conftest import World, restart
from tests.bot.samples import png
from tests.bot.scripted import pictures
from tests.bot.seen import buttons, fields, gallery, parts, shown, text, told_privately


@pytest.fixture
def manager(world: World) -> simcord.MemberActor:
    role = world.alice.guild.create_role("managers", permissions=discord.Permissions(manage_guild=True))
    return world.alice.guild.add_member(world.env.create_user("manager"), roles=[role])


def own(world: World, who: simcord.MemberActor | simcord.UserHandle) -> None:
    """Make somebody the bot's owner."""
    assert world.bot.application
    world.bot.application.owner = discord.Object(who.id)  # type: ignore[assignment]


async def opened(world: World, manager: simcord.MemberActor, page: str = "work") -> ResponseMessage:
    panel = shown(await manager.slash(world.channel, "settings"))
    assert panel.ephemeral
    await manager.click(panel, custom_id=f"settings:page:{page}")
    return panel


async def fill(
    manager: simcord.MemberActor, panel: ResponseMessage, form: str, *values: str
) -> simcord.InteractionResult:
    """Open a form of the panel and fill it in, from the top."""
    opened = await manager.click(panel, custom_id=f"settings:change:{form}")
    names = [field["custom_id"] for field in fields(opened)]
    return await manager.submit_modal(opened, dict(zip(names, values, strict=True)))


async def draw(world: World, **options: Any) -> str:
    """What a member is told at once."""
    message = shown(
        await world.bob.slash(world.channel, "imagine", prompt=options.pop("prompt", "a red circle"), **options)
    )
    return text(message)


async def test_discord_offers_it_to_those_who_manage_the_server_only(world: World) -> None:
    commands = {command["name"]: command for command in world.env.backend.commands[None].values()}
    wanted = discord.Permissions(int(commands["settings"]["default_member_permissions"]))
    assert wanted == discord.Permissions(manage_guild=True)
    with pytest.raises(simcord.SetupError):
        await world.bob.slash(world.channel, "settings")


async def test_whom_a_server_gave_the_command_is_refused_without_the_permission(world: World) -> None:
    (command,) = (each for each in await world.bot.tree.fetch_commands() if each.name == "settings")
    world.alice.guild.set_command_permissions(command, {world.bob: True})
    assert "Only members with the “Manage Server” permission" in told_privately(
        await world.bob.slash(world.channel, "settings")
    )


async def test_a_panel_that_outlives_the_permission_changes_nothing(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager)
    panels = {page: await opened(world, manager, page) for page in ("people", "places")}
    world.env.backend.get_guild(manager.guild.id).members[manager.id].role_ids.clear()
    for press in ("settings:spoilers:on", "settings:change:drawings"):
        refused = await manager.click(panel, custom_id=press)
        assert "Only members with the “Manage Server” permission" in told_privately(refused)
    role = world.alice.guild.create_role("artists")
    for page, values, select in (
        ("people", [world.bob], "settings:blocked"),
        ("people", [role], "settings:pick:roles:draw"),
        ("people", [role], "settings:pick:role_hourly"),
        ("places", [world.channel], "settings:reports"),
        ("places", [world.channel], "settings:pick:channels"),
    ):
        refused = await manager.select(panels[page], values, custom_id=select)
        assert "Only members with the “Manage Server” permission" in told_privately(refused)
    assert await world.bot.store.database.rows("SELECT * FROM servers") == []
    assert await world.bot.store.database.rows("SELECT * FROM blocked") == []


async def test_defaults_for_drawings_hold_at_once_and_after_a_restart(
    world: World, manager: simcord.MemberActor
) -> None:
    panel = await opened(world, manager)
    await fill(manager, panel, "drawings", "7,5", "", "2")
    assert "Guidance **7.5** · Temperature 1 · Pictures **2**" in text(panel)
    await restart(world)
    await draw(world)
    drawing = world.executor.drawing
    assert (drawing.guidance, drawing.temperature, drawing.count) == (7.5, 1.0, 2)
    await draw(world, count=4)
    second = world.executor.jobs[1].request
    assert isinstance(second, Drawing)
    assert second.count == 4  # who says something is heard
    await fill(manager, panel, "drawings", "", "", "2")
    assert "Guidance 5 · Temperature 1 · Pictures **2**" in text(panel)


async def test_defaults_for_answers(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager)
    await fill(manager, panel, "answers", "0.5", "0.8", "100")
    await world.bob.slash(world.channel, "ask", image=("cat.png", png()), question="What?")
    question = world.executor.question
    assert isinstance(question, Question)
    assert (question.temperature, question.top_p, question.max_new_tokens) == (0.5, 0.8, 100)


async def test_another_server_and_direct_messages_are_not_concerned(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager)
    await fill(manager, panel, "drawings", "9", "", "1")
    await manager.click(await opened(world, manager, "places"), custom_id="settings:age_restricted:on")
    elsewhere = world.env.create_guild("Another server")
    stranger = elsewhere.add_member(world.env.create_user("carol"))
    await stranger.slash(elsewhere.create_text_channel("pictures"), "imagine", prompt="a square")
    await world.bob.user.slash("imagine", prompt="a square")
    for job in world.executor.jobs:
        assert isinstance(job.request, Drawing)
        assert (job.request.guidance, job.request.count) == (5.0, 5)
    assert len(world.executor.jobs) == 2


async def test_a_number_out_of_range_is_refused_and_changes_nothing(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager)
    for form, values, says in [
        ("drawings", ("11", "", ""), "Guidance: 11 isn't possible. Write a number from 1 to 10"),
        ("drawings", ("", "", "2.5"), "Pictures: 2.5 isn't possible. Write a whole number from 1 to 5"),
        ("answers", ("much", "", ""), "Temperature: much isn't possible. Write a number from 0 to 2"),
        ("member", ("0", "", ""), "At a time: 0 isn't possible. Write a whole number from 1 to 100"),
        ("server", ("", "", "nan"), "Per hour: nan isn't possible"),
        ("server", ("0", "", "nan"), "At a time: 0 isn't possible. Write a whole number from 1 to 1000"),
    ]:
        assert says in told_privately(await fill(manager, panel, form, *values))
    assert await world.bot.store.database.rows("SELECT * FROM servers") == []


async def test_limits_hold_at_once(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager)
    await fill(manager, panel, "member", "1", "0", "")
    await draw(world)
    assert "You already have as many open requests" in await draw(world)
    assert len(world.executor.jobs) == 1


async def test_refused_words(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager)
    await fill(manager, panel, "words", "blood\n\n  hot   dog \nblood")
    assert "2 in the list" in text(panel)
    assert "This server doesn't allow “blood”" in await draw(world, prompt="a BLÖOD bath")
    assert "“hot dog”" in await draw(world, prompt="a hot-dog")
    assert "“hot dog”" in told_privately(
        await world.bob.slash(world.channel, "ask", image=("cat.png", png()), question="Is it a hot dog?")
    )
    assert world.executor.jobs == []
    await draw(world, prompt="a bloodhound")
    assert len(world.executor.jobs) == 1
    await fill(manager, panel, "words", "")
    await draw(world, prompt="a blood bath")
    assert len(world.executor.jobs) == 2


async def test_an_entry_that_could_never_be_found_is_said_and_left_out(
    world: World, manager: simcord.MemberActor
) -> None:
    panel = await opened(world, manager)
    told = await fill(manager, panel, "words", "blood\n!?\n\u2800\u200b")
    assert "1 in the list" in text(panel)
    assert "Left out, because no text can ever contain it: !? · …" in text(told.followups[0])
    assert "“blood”" in await draw(world, prompt="blo\ud800od blood")


async def test_a_refused_phrase_that_is_longer_than_a_message_is_quoted_in_part(
    world: World, manager: simcord.MemberActor
) -> None:
    phrase = "word " * 390
    await fill(manager, await opened(world, manager), "words", phrase)
    told = await draw(world, prompt=phrase)
    assert "This server doesn't allow “word word" in told
    assert "Please put it differently" in told
    assert len(told) <= 2000


async def test_spoilers(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager)
    await manager.click(panel, custom_id="settings:spoilers:on")
    assert "Spoilers: on" in text(panel)
    message = shown(await world.bob.slash(world.channel, "imagine", prompt="a red circle", count=2))
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert [item["spoiler"] for item in gallery(message)] == [True, True]
    await manager.click(panel, custom_id="settings:spoilers:off")
    assert "Spoilers: off" in text(panel)


async def test_age_restricted_channels_only(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager, "places")
    await manager.click(panel, custom_id="settings:age_restricted:on")
    assert "only work in age-restricted channels" in told_privately(
        await world.bob.slash(world.channel, "imagine", prompt="a red circle")
    )
    channel = world.bot.get_channel(world.channel.id)
    assert isinstance(channel, discord.TextChannel)
    channel.nsfw = True
    await channel.create_thread(name="a thread", type=discord.ChannelType.public_thread)
    for place in (world.channel, *world.channel.threads):
        await world.bob.slash(place, "imagine", prompt="a red circle")
    assert len(world.executor.jobs) == 2


async def test_members_are_blocked_and_unblocked(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager, "people")
    await manager.select(panel, [world.bob], custom_id="settings:blocked")
    assert "blocked you from using me" in told_privately(
        await world.bob.slash(world.channel, "imagine", prompt="a red circle")
    )
    await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    assert len(world.executor.jobs) == 1
    (select,) = parts(panel, 5)  # of members
    assert [chosen["id"] for chosen in select["default_values"]] == [world.bob.id]
    await manager.select(panel, [], custom_id="settings:blocked")
    await draw(world)
    assert len(world.executor.jobs) == 2


async def test_the_channel_for_reports_must_be_one_the_bot_can_write_to(
    world: World, manager: simcord.MemberActor
) -> None:
    guild, panel = world.alice.guild, await opened(world, manager, "places")
    closed = guild.create_text_channel(
        "closed", overwrites={guild.default_role: discord.PermissionOverwrite(attach_files=False)}
    )
    lacks = await manager.select(panel, [closed], custom_id="settings:reports")
    (told,) = lacks.followups
    assert told.ephemeral
    assert "Attach Files" in told.content
    assert (await world.bot.store.servers.get(guild.id)).reports is None
    await manager.select(panel, [world.channel], custom_id="settings:reports")
    assert (await world.bot.store.servers.get(guild.id)).reports == world.channel.id


async def test_its_owner_pauses_the_bot_and_what_is_open_is_finished(world: World) -> None:
    own(world, world.alice)
    running = shown(await world.bob.slash(world.channel, "imagine", prompt="a red circle", count=1))
    panel = shown(await world.alice.user.slash("settings"))
    assert "Taking requests. Open: 1" in text(panel)
    assert buttons(panel) == ["Pause"]
    await world.alice.user.click(panel, label="Pause")
    assert "Still open: 1" in text(panel)
    assert "I'm paused" in told_privately(await world.bob.slash(world.channel, "imagine", prompt="a square"))
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert "seed" in text(running)
    await world.alice.user.click(panel, label="Resume")
    assert "Taking requests. Open: 0" in text(panel)
    await draw(world)
    assert len(world.executor.jobs) == 2


async def test_only_its_owner_pauses_the_bot(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager)
    assert "Pause" not in buttons(panel)
    assert "Settings belong to a server" in told_privately(await world.bob.user.slash("settings"))
    own(world, world.alice)
    panel_of_owner = shown(await world.alice.user.slash("settings"))
    own(world, world.bob)  # the bot has changed hands
    assert "Only the owner of this bot" in told_privately(await world.alice.user.click(panel_of_owner, label="Pause"))
    assert not world.bot.paused


@pytest.mark.parametrize(("role", "may"), [("admin", True), ("developer", True), ("read_only", False)])
async def test_a_team_owns_the_bot_with_those_who_do_more_than_read(world: World, role: str, may: bool) -> None:
    assert world.bot.application
    member = {"user": {"id": str(world.alice.id), "username": "alice", "discriminator": "0", "avatar": None}}
    team = {"id": "1", "name": "us", "icon": None, "owner_user_id": "2"}
    members = [{**member, "membership_state": 2, "permissions": ["*"], "team_id": "1", "role": role}]
    world.bot.application.team = discord.Team(world.bot._connection, {**team, "members": members})  # type: ignore[typeddict-item]
    seen = shown(await world.alice.user.slash("settings"))
    assert (buttons(seen) == ["Pause"]) is may


async def chosen(world: World, manager: simcord.MemberActor, use: str, *roles: simcord.RoleHandle) -> ResponseMessage:
    panel = await opened(world, manager, "people")
    await manager.select(panel, list(roles), custom_id=f"settings:pick:roles:{use}")
    return panel


def ids(panel: ResponseMessage, custom_id: str) -> list[int]:
    """What a select shows as chosen."""
    (select,) = (part for kind in (6, 8) for part in parts(panel, kind) if part["custom_id"] == custom_id)
    return [int(one["id"]) for one in select.get("default_values", ())]


async def test_roles_are_chosen_shown_and_given_back_to_everyone(world: World, manager: simcord.MemberActor) -> None:
    artists = world.alice.guild.create_role("artists")
    panel = await chosen(world, manager, "draw", artists)
    assert ids(panel, "settings:pick:roles:draw") == [artists.id]
    assert ids(panel, "settings:pick:roles:ask") == []
    await restart(world)
    assert f"<@&{artists.id}>" in await draw(world)
    assert world.executor.jobs == []
    await chosen(world, manager, "draw")
    await draw(world)
    assert len(world.executor.jobs) == 1


async def test_a_deleted_role_opens_nothing_and_is_told(world: World, manager: simcord.MemberActor) -> None:
    guild = world.alice.guild
    artists, others = guild.create_role("artists"), guild.create_role("others")
    await chosen(world, manager, "draw", artists, others)
    role = world.bot.get_guild(guild.id).get_role(artists.id)  # type: ignore[union-attr]
    assert role
    await role.delete()
    panel = await opened(world, manager, "people")
    assert ids(panel, "settings:pick:roles:draw") == [others.id]
    assert "Deleted roles among them: 1" in text(panel)
    assert "only members with one of these roles can draw" in await draw(world)


async def test_a_role_has_a_limit_of_its_own_and_the_most_generous_one_holds(
    world: World, manager: simcord.MemberActor
) -> None:
    guild = world.alice.guild
    few, more = guild.create_role("few"), guild.create_role("more")
    panel = await opened(world, manager, "people")
    for role, most in ((few, "1"), (more, "2")):
        form = await manager.select(panel, [role], custom_id="settings:pick:role_hourly")
        (field,) = fields(form)
        await manager.submit_modal(form, {field["custom_id"]: most})
    assert f"<@&{few.id}> 1 · <@&{more.id}> 2" in text(panel)
    one = guild.add_member(world.env.create_user("one"), roles=[few])
    both = guild.add_member(world.env.create_user("both"), roles=[few, more])
    for who, times in ((one, 1), (both, 2)):
        for _ in range(times):
            await who.slash(world.channel, "imagine", prompt="a red circle")
            world.executor.jobs[-1].tell(pictures(world.executor.jobs[-1].request))  # type: ignore[arg-type]
            await world.env.settle()
        told = told_privately(await who.slash(world.channel, "imagine", prompt="a red circle"))
        assert f"your hourly limit ({times})" in told
    form = await manager.select(panel, [few], custom_id="settings:pick:role_hourly")
    (field,) = fields(form)
    assert field["value"] == "1"
    assert "Per hour: 0 isn't possible" in told_privately(await manager.submit_modal(form, {field["custom_id"]: "0"}))
    form = await manager.select(panel, [few], custom_id="settings:pick:role_hourly")
    await manager.submit_modal(form, {fields(form)[0]["custom_id"]: ""})
    assert f"<@&{few.id}>" not in text(panel)


async def test_channels_for_drawing_are_those_chosen_or_all_others(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager, "places")
    await manager.select(panel, [world.channel], custom_id="settings:pick:channels")
    assert ids(panel, "settings:pick:channels") == [world.channel.id]
    assert "Only in these" in text(panel)
    await draw(world)
    assert len(world.executor.jobs) == 1
    await manager.click(panel, custom_id="settings:channels_denied:on")
    assert "Everywhere but in these" in text(panel)
    assert "I don't draw in this channel" in await draw(world)


async def test_a_deleted_channel_is_told(world: World, manager: simcord.MemberActor) -> None:
    guild = world.alice.guild
    gone = guild.create_text_channel("gone")
    panel = await opened(world, manager, "places")
    await manager.select(panel, [gone, world.channel], custom_id="settings:pick:channels")
    channel = world.bot.get_channel(gone.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.delete()
    panel = await opened(world, manager, "places")
    assert ids(panel, "settings:pick:channels") == [world.channel.id]
    assert "Deleted channels among them: 1" in text(panel)


async def test_everyone_moderates_nothing(world: World, manager: simcord.MemberActor) -> None:
    await chosen(world, manager, "moderate", world.alice.guild.default_role)
    assert (await world.bot.store.servers.get(world.alice.guild.id)).roles == {}


async def test_no_page_has_more_than_discord_takes(world: World, manager: simcord.MemberActor) -> None:
    own(world, manager)
    for page in ("work", "people", "places"):
        panel = await opened(world, manager, page)
        assert sum(1 for _ in walk_components(panel.components)) <= 40


async def test_a_blocked_manager_can_still_unblock_themselves(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager, "people")
    await manager.select(panel, [manager], custom_id="settings:blocked")
    assert "blocked you" in told_privately(await manager.slash(world.channel, "help"))
    panel = await opened(world, manager, "people")
    await manager.select(panel, [], custom_id="settings:blocked")
    assert "blocked you" not in text(shown(await manager.slash(world.channel, "help")))
