"""Careful drawings: who gets one, what it costs, and what is told of it."""

import json

import discord
import pytest
import simcord

from bot.media import provenance
from bot.texts import ENGLISH
from model.requests import Paint
from tests.bot.conftest import World, restart
from tests.bot.features.test_gallery import drawn, filled, finish, newest
from tests.bot.features.test_settings import manager, opened
from tests.bot.scripted import pictures
from tests.bot.seen import fields, files, gallery, shown, text, told_privately

__all__ = ["manager"]  # a fixture of the settings' tests


async def ask(world: World, who: simcord.MemberActor, **options: object) -> simcord.InteractionResult:
    return await who.slash(world.channel, "imagine", prompt="a red circle", **options)


async def test_those_that_are_kept_are_shown_in_the_order_of_the_judgement(world: World) -> None:
    message = await drawn(world, careful=True, seed=2**32 - 3)
    assert newest(world).careful
    assert [item["description"] for item in gallery(message)] == [
        f"Picture {number}, seed {seed}: a red circle" for number, seed in ((1, 2), (2, 1), (3, 0))
    ]
    assert [file.filename for file in files(message)] == ["janus-2.png", "janus-1.png", "janus-0.png"]
    said = told_privately(await world.bob.click(message, label="Info"))
    assert "temperature 1 · demo · chosen from 6" in said
    assert "Picture 1: seed 2 · 93 %\nPicture 2: seed 1 · 83 %\nPicture 3: seed 0 · 73 %" in said
    assert ENGLISH.info_judged in said
    assert "use /imagine with the same words and settings, its seed, count 1, and careful off" in said.replace("`", "")
    assert "press “Edit”" not in said
    plainly = told_privately(await world.bob.click(await drawn(world), label="Info"))
    assert "chosen from" not in plainly
    assert "%" not in plainly


async def test_what_was_chosen_says_so_wherever_its_file_goes(world: World) -> None:
    message = await drawn(world, careful=True)
    made = provenance.read(await files(message)[0].read())
    assert made
    assert (made.seed, made.chosen_from) == (12, 6)
    assert "Seed: 12," in made.parameters((1, 1))
    assert ", Chosen from: 6, " in made.parameters((1, 1))
    posted = message.message
    said = told_privately(await world.bob.context_menu(world.channel, "What made this picture?", target=posted))
    assert "Picture 1: seed 12 · " in said
    assert said.count("chosen from 6") == 3
    usual = provenance.read(await files(await drawn(world))[0].read())
    assert usual
    assert usual.chosen_from == 0
    assert "Chosen" not in usual.parameters((1, 1))


async def test_pictures_of_words_of_their_own_keep_theirs_in_any_order(world: World) -> None:
    message = await drawn(world, prompt="{red, green} circle", careful=True)
    assert (newest(world).count, newest(world).prompts) == (2, ("red circle", "green circle") * 2)
    assert [item["description"] for item in gallery(message)] == [
        "Picture 1, seed 10: green circle",
        "Picture 2, seed 9: red circle",
    ]
    assert "1: green circle" in text(message)
    said = told_privately(await world.bob.click(message, label="Info"))
    assert "Picture 2: seed 9 · 83 % · red circle" in said
    made = [provenance.read(await file.read()) for file in files(message)]
    assert [one.prompt for one in made if one] == ["green circle", "red circle"]
    alone = shown(await world.alice.click(message, label="1"))
    assert gallery(alone)[0]["description"] == "Picture 1, seed 10: green circle"
    await world.alice.click(alone, label="Vary")
    assert newest(world).prompt == "green circle"


async def test_what_goes_on_from_it_is_as_careful(world: World) -> None:
    message = await drawn(world, careful=True, count=1)
    for label in ("Again", "Vary a little", "Edit", "Remix"):
        result = await world.bob.click(message, label=label)
        if label in ("Edit", "Remix"):
            values = {**filled(result), fields(result)[0]["custom_id"]: "a star"}
            chosen = {fields(result)[2]["custom_id"]: "vary"} if label == "Remix" else {}
            await world.bob.submit_modal(result, values | chosen)
        assert newest(world).careful, label
        await finish(world)
    assert newest(world).prompt == "a star"
    assert len(world.executor.jobs) == 5


async def test_after_a_restart_it_is_judged_anew_or_remembered(world: World) -> None:
    running = shown(await ask(world, world.alice, seed=7, count=2, careful=True))
    made = shown(await ask(world, world.bob, seed=40, count=2, careful=True))
    request = newest(world)
    result = pictures(request)
    await world.bot.store.jobs.move(request.id, "made", discord.utils.utcnow(), outcome=result)
    await restart(world)
    await world.env.settle()
    again, paint = (job.request for job in world.executor.jobs[2:])
    assert again == world.executor.jobs[0].request
    assert isinstance(paint, Paint)
    assert (paint.seeds, paint.tokens) == ((43, 42), result.tokens)  # no more than what is kept was ever stored
    world.executor.jobs[2].tell(pictures(world.executor.jobs[0].request))  # type: ignore[arg-type]
    world.executor.jobs[3].tell(pictures(request))
    await world.env.settle()
    assert [file.filename for file in files(running)] == ["janus-10.png", "janus-9.png"]
    assert [file.filename for file in files(made)] == ["janus-43.png", "janus-42.png"]
    assert "Picture 1: seed 43 · 93 %" in told_privately(await world.bob.click(made, label="Info"))
    await restart(world)
    assert "Picture 2: seed 42 · 83 %" in told_privately(await world.bob.click(made, label="Info"))


async def test_the_order_of_defaults_is_typed_then_own_then_the_server_s(
    world: World, manager: simcord.MemberActor
) -> None:
    await ask(world, world.alice)
    assert not newest(world).careful
    panel = await opened(world, manager)
    assert "Careful drawings: off" in text(panel)
    await manager.click(panel, custom_id="settings:careful:on")
    assert "Careful drawings: on" in text(panel)
    await restart(world)
    await ask(world, world.alice, count=1)
    assert newest(world).careful
    await world.alice.user.slash("imagine", prompt="a red circle")  # where there is no server
    assert not newest(world).careful
    own = shown(await world.alice.slash(world.channel, "defaults"))
    assert "Careful drawings: on" in text(own)
    await world.alice.click(own, custom_id="defaults:careful:off")
    assert "Careful drawings: off" in text(own)
    await restart(world)
    for who, careful in ((world.alice, False), (world.bob, True)):
        await ask(world, who, count=1)
        assert newest(world).careful is careful
        await ask(world, who, count=1, careful=not careful)
        assert newest(world).careful is not careful
    await manager.click(panel, custom_id="settings:careful:off")
    await ask(world, manager, count=1)
    assert not newest(world).careful


@pytest.fixture
def artist(world: World) -> simcord.MemberActor:
    guild = world.alice.guild
    return guild.add_member(world.env.create_user("artist"), roles=[guild.create_role("artists")])


async def choose(world: World, artist: simcord.MemberActor, **imagine: object) -> None:
    (role,) = world.env.backend.get_guild(artist.guild.id).members[artist.id].role_ids
    await world.bot.store.servers.change(world.alice.guild.id, {"roles": {"costly": [int(role)]}, "imagine": imagine})


async def test_to_draw_more_than_usual_is_costly_whether_it_is_shown_or_not(
    world: World, artist: simcord.MemberActor
) -> None:
    await choose(world, artist, count=4)
    told = told_privately(await ask(world, world.bob, count=3, careful=True))
    assert "draw more than 4 at once (a careful drawing draws twice as many)" in told
    assert world.executor.jobs == []
    for who, count in ((world.bob, 2), (artist, 3)):
        await ask(world, who, count=count, careful=True)
        assert newest(world).candidates == 2 * count
    await world.bot.store.members.change(
        world.bob.id, {"imagine": {"careful": True}}
    )  # a default is no reason to refuse
    for options, careful in (({}, False), ({"count": 3}, False), ({"count": 2}, True)):
        await ask(world, world.bob, **options)
        assert newest(world).careful is careful
    await choose(world, artist, count=4, careful=True)  # so much is usual now
    await ask(world, world.alice)
    assert newest(world).candidates == 8
    told = told_privately(await ask(world, world.alice, count=5, careful=True))
    assert "draw more than 8 at once" in told


async def test_more_pictures_than_one_may_ask_for_count_as_two_requests(world: World) -> None:
    limits = world.bot.settings.limits.model_copy(update={"member_hourly": 4})
    world.bot.settings = world.bot.settings.model_copy(update={"limits": limits})
    for options in ({"count": 5, "careful": True}, {"count": 2, "careful": True}):  # ten, and four
        await ask(world, world.alice, **options)
        await finish(world)
        await world.env.advance_time(60)
    refused = await ask(world, world.alice, count=3, careful=True)
    assert "hourly limit (4)" in told_privately(refused)
    await ask(world, world.alice, count=5)
    assert len(world.executor.jobs) == 3
    assert "hourly limit (4)" in told_privately(await ask(world, world.alice, count=1))


async def test_who_reads_help_finds_it(world: World) -> None:
    assert "With the option careful of" in text(shown(await world.alice.slash(world.channel, "help"))).replace("`", "")


async def test_json_of_before_it_is_read_as_it_was(world: World) -> None:
    await drawn(world)
    job = world.executor.jobs[-1].id
    database = world.bot.store.database
    (row,) = await database.rows("SELECT request, result FROM jobs")
    request, result = json.loads(row["request"]), json.loads(row["result"])
    del request["careful"], result["judged"]
    await database.write("UPDATE jobs SET request = ?, result = ?", (json.dumps(request), json.dumps(result)))
    record = await world.bot.store.jobs.get(job)
    assert record
    assert record.request == newest(world)
