"""/defaults: what was typed goes before one's own, that before the server's, and that before config.toml."""

import simcord

from model.requests import Drawing
from tests.bot.conftest import World, restart
from tests.bot.samples import png
from tests.bot.scripted import pictures
from tests.bot.seen import fields, gallery, shown, text, told_privately


async def opened(who: simcord.MemberActor, world: World) -> simcord.ResponseMessage:
    panel = shown(await who.slash(world.channel, "defaults"))
    assert panel.ephemeral
    return panel


async def fill(who: simcord.MemberActor, panel: simcord.ResponseMessage, *values: str) -> simcord.InteractionResult:
    form = await who.click(panel, custom_id="defaults:change")
    names = [field["custom_id"] for field in fields(form)]
    return await who.submit_modal(form, dict(zip(names, values, strict=True)))


async def drawn(world: World, who: simcord.MemberActor, **options: object) -> Drawing:
    await who.slash(world.channel, "imagine", prompt="a red circle", **options)
    job = world.executor.jobs[-1]
    assert isinstance(job.request, Drawing)
    job.tell(pictures(job.request))
    await world.env.settle()
    return job.request


async def test_the_order_is_typed_then_own_then_the_server_s_then_config(world: World) -> None:
    await world.bot.store.servers.change(world.alice.guild.id, {"imagine": {"guidance": 7.0, "count": 2}})
    panel = await opened(world.alice, world)
    assert "Guidance 7 · Temperature 1 · Pictures 2" in text(panel)
    await fill(world.alice, panel, "8,5", "", "")
    assert "Guidance **8.5** · Temperature 1 · Pictures 2" in text(panel)
    await restart(world)
    drawing = await drawn(world, world.alice)
    assert (drawing.guidance, drawing.count, drawing.temperature) == (8.5, 2, 1.0)
    assert (await drawn(world, world.alice, guidance=3.0)).guidance == 3.0
    assert (await drawn(world, world.bob)).guidance == 7.0
    await world.alice.user.slash("imagine", prompt="a red circle")  # where there is no server
    assert isinstance(last := world.executor.jobs[-1].request, Drawing)
    assert (last.guidance, last.count) == (8.5, 5)
    await fill(world.alice, panel, "", "", "")
    assert (await drawn(world, world.alice)).guidance == 7.0


async def test_more_pictures_by_default_than_one_may_are_fewer_and_no_refusal(world: World) -> None:
    role = world.alice.guild.create_role("artists")
    chosen = {"imagine": {"count": 2}, "roles": {"costly": [role.id]}}
    await world.bot.store.servers.change(world.alice.guild.id, chosen)
    artist = world.alice.guild.add_member(world.env.create_user("artist"), roles=[role])
    for who, count in ((world.alice, 2), (artist, 4)):
        await fill(who, await opened(who, world), "", "", "4")
        assert (await drawn(world, who)).count == count


async def test_what_to_avoid_is_one_s_own_unless_something_else_is_typed(world: World) -> None:
    panel = await opened(world.alice, world)
    form = await world.alice.click(panel, custom_id="defaults:avoid")
    await world.alice.submit_modal(form, {fields(form)[0]["custom_id"]: "a  red\nsquare"})
    assert "What must not be there\na red square" in text(panel).replace("*", "")
    await restart(world)
    assert (await drawn(world, world.alice)).avoid == "a red square"
    assert (await drawn(world, world.alice, avoid="a star")).avoid == "a star"
    assert (await drawn(world, world.bob)).avoid == ""
    help = shown(await world.alice.slash(world.channel, "help"))
    await world.alice.click(help, custom_id="draw_example:circle")
    assert world.executor.jobs[-1].request.avoid == "a red square"  # type: ignore[union-attr]
    form = await world.alice.click(panel, custom_id="defaults:avoid")
    await world.alice.submit_modal(form, {fields(form)[0]["custom_id"]: ""})
    assert (await drawn(world, world.alice)).avoid == ""


async def test_drawings_are_hidden_by_default_unless_one_says_no(world: World) -> None:
    panel = await opened(world.alice, world)
    await world.alice.click(panel, custom_id="defaults:spoiler:on")
    assert "Spoilers: on" in text(panel)
    for options, hidden in (({}, True), ({"spoiler": False}, False)):
        message = shown(await world.alice.slash(world.channel, "imagine", prompt="x", count=1, **options))
        world.executor.jobs[-1].tell(pictures(world.executor.jobs[-1].request))  # type: ignore[arg-type]
        await world.env.settle()
        assert [item["spoiler"] for item in gallery(message)] == [hidden]


async def test_drawings_and_answers_are_private_by_default_unless_one_says_no(world: World) -> None:
    panel = await opened(world.alice, world)
    await world.alice.click(panel, custom_id="defaults:private:on")
    asked = {"image": ("cat.png", png()), "question": "What is this?"}
    for options, private in (({}, True), ({"private": False}, False)):
        assert shown(await world.alice.slash(world.channel, "imagine", prompt="x", **options)).ephemeral is private
        assert shown(await world.alice.slash(world.channel, "ask", **asked, **options)).ephemeral is private
    await world.alice.click(panel, custom_id="defaults:private:off")
    assert not shown(await world.alice.slash(world.channel, "imagine", prompt="x")).ephemeral


async def test_a_number_out_of_range_is_refused_and_changes_nothing(world: World) -> None:
    panel = await opened(world.alice, world)
    refused = await fill(world.alice, panel, "11", "", "")
    assert "Guidance: 11 isn't possible. Write a number from 1 to 10" in told_privately(refused)
    assert await world.bot.store.database.rows("SELECT * FROM members") == []


async def test_who_is_forgotten_has_no_defaults_any_more(world: World) -> None:
    await fill(world.alice, await opened(world.alice, world), "8", "", "")
    await fill(world.bob, await opened(world.bob, world), "9", "", "")
    privacy = shown(await world.alice.slash(world.channel, "privacy"))
    for label in ("Forget me", "Yes, forget me"):
        await world.alice.click(privacy, label=label)
    assert [row["member"] for row in await world.bot.store.database.rows("SELECT * FROM members")] == [world.bob.id]
    assert (await drawn(world, world.alice)).guidance == 5.0
    await restart(world)
    assert (await drawn(world, world.alice)).guidance == 5.0
    assert (await drawn(world, world.bob)).guidance == 9.0
