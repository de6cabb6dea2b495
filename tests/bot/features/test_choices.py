"""One picture for each choice, and words that a server's lists leave to chance."""

import pytest
import simcord

from bot.media import provenance
from tests.bot.conftest import World, restart
from tests.bot.features.test_gallery import drawn, filled, finish, newest
from tests.bot.features.test_settings import fill, manager, opened
from tests.bot.seen import buttons, fields, files, gallery, shown, text, told_privately

__all__ = ["manager"]  # a fixture of the settings' tests

PROMPT = "{red, green, blue} circle"


async def test_each_choice_is_a_picture_with_words_of_its_own(world: World) -> None:
    message = await drawn(world, prompt=PROMPT, count=1)
    assert (newest(world).prompt, newest(world).count) == (PROMPT, 3)
    assert newest(world).prompts == ("red circle", "green circle", "blue circle")
    assert [item["description"] for item in gallery(message)] == [
        "Picture 1, seed 7: red circle",
        "Picture 2, seed 8: green circle",
        "Picture 3, seed 9: blue circle",
    ]
    assert PROMPT in text(message)
    assert "2: green circle" in text(message)
    made = [provenance.read(await file.read()) for file in files(message)]
    assert [(one.prompt, one.seed) for one in made if one] == [
        ("red circle", 7),
        ("green circle", 8),
        ("blue circle", 9),
    ]
    said = told_privately(await world.bob.click(message, label="Info"))
    assert PROMPT in said
    assert "Picture 2: seed 8 · green circle\nPicture 3: seed 9 · blue circle" in said
    assert "enter its words and its seed" in said


async def test_at_temperature_0_each_choice_is_drawn(world: World) -> None:
    message = await drawn(world, prompt=PROMPT, temperature=0.0)
    assert len(gallery(message)) == 3
    assert "all pictures would be the same" not in text(message)
    assert "always give the same picture" in told_privately(await world.alice.click(message, label="Again"))


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("{a, b, c} {d, e}", "That would be 6 pictures. I draw at most 5 at a time"),
        ("ba{d, dly}", "doesn't allow “bad”"),
        ("{ , red}", "The prompt is empty"),
        ("{" + "x" * 1990 + ", " + "y" * 20 + "}", "The limit is 2000"),
    ],
)
async def test_what_can_not_be_drawn_of_choices_is_refused(world: World, prompt: str, says: str) -> None:
    await world.bot.store.servers.change(world.alice.guild.id, {"refused": ["bad"]})
    assert says in told_privately(await world.alice.slash(world.channel, "imagine", prompt=prompt))
    assert world.executor.jobs == []


async def test_what_goes_on_from_choices_keeps_them_or_those_of_one_picture(world: World) -> None:
    message = await drawn(world, prompt="{a \\{b\\}, c} circle")
    await restart(world)
    form = await world.alice.click(message, label="Edit")
    assert fields(form)[0]["value"] == "{a \\{b\\}, c} circle"
    await world.alice.submit_modal(form, filled(form))
    assert newest(world).prompts == ("a {b} circle", "c circle")
    await finish(world)
    await world.alice.click(message, label="Again")
    assert newest(world).prompts == ("a {b} circle", "c circle")
    await finish(world)
    alone = shown(await world.alice.click(message, label="1"))
    assert [item["description"] for item in gallery(alone)] == ["Picture 1, seed 7: a {b} circle"]
    await world.alice.click(alone, label="Vary")
    assert {newest(world).words(newest(world).seed + i) for i in range(newest(world).count)} == {"a {b} circle"}
    await finish(world)
    remix = await world.alice.click(alone, label="Remix")
    values = {
        **filled(remix),
        fields(remix)[0]["custom_id"]: "a {red, blue} star",
        fields(remix)[2]["custom_id"]: "vary",
    }
    await world.alice.submit_modal(remix, values)
    assert newest(world).prompts == ("a red star", "a blue star")
    assert len(newest(world).kept) == 36
    large = shown(await world.alice.click(message, label="Enlarge 2"))
    assert "c circle" in text(large)


async def test_a_drawing_of_choices_outlives_the_process(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt=PROMPT, seed=7))
    await restart(world)
    assert newest(world).prompts == ("red circle", "green circle", "blue circle")
    await finish(world)
    assert gallery(message)[1]["description"] == "Picture 2, seed 8: green circle"


async def test_a_server_s_lists_leave_words_to_the_seed(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager)
    await fill(manager, panel, "lists", "Animal: cat, dog,fox\n\n __colour__ ： red、blue ")
    assert "animal (3) · colour (2)" in text(panel)
    assert "__animal__ · __colour__" in text(shown(await world.bob.slash(world.channel, "help")))
    await drawn(world, prompt="a __colour__ __animal__", seed=3, count=5)
    wish = newest(world)
    assert wish.count == len(wish.prompts) == 5
    assert {words.split()[2] for words in wish.prompts} <= {"cat", "dog", "fox"}
    message = await drawn(world, prompt="a __colour__ __animal__", seed=3, count=5)
    assert newest(world).prompts == wish.prompts
    await restart(world)
    await drawn(world, prompt="a __colour__ __animal__", seed=5, count=1)
    assert newest(world).words(newest(world).seed) == wish.prompts[2]
    await world.bob.click(message, label="Again")
    assert newest(world).prompts != wish.prompts  # another seed
    await finish(world)
    refused = await world.bob.slash(world.channel, "imagine", prompt="an __aminal__")
    assert "no list of words called aminal. It has: __animal__ · __colour__" in told_privately(refused).replace("`", "")
    await world.bob.user.slash("imagine", prompt="__animal__")
    assert newest(world).words(newest(world).seed) == "__animal__"  # there is no list outside of the server


async def test_words_of_lists_are_checked_as_a_member_s_are(world: World) -> None:
    lists = {"animal": ["cat"], "nothing": ["x" * 1999]}
    await world.bot.store.servers.change(world.alice.guild.id, {"refused": ["cat"], "lists": lists})
    for prompt, says in [("a __animal__", "doesn't allow “cat”"), ("a __nothing__", "The limit is 2000")]:
        assert says in told_privately(await world.alice.slash(world.channel, "imagine", prompt=prompt))
    assert world.executor.jobs == []


async def test_lists_are_changed_and_taken_away(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager)
    await fill(manager, panel, "lists", "animal: cat, dog\ncolour: red")
    form = await manager.click(panel, custom_id="settings:change:lists")
    assert fields(form)[0]["value"] == "animal: cat, dog\ncolour: red"
    await fill(manager, panel, "lists", "animal: fox")
    assert (await world.bot.store.servers.get(world.alice.guild.id)).lists == {"animal": ["fox"]}
    await fill(manager, panel, "lists", "")
    assert (await world.bot.store.servers.get(world.alice.guild.id)).lists == {}
    assert "animal" not in text(panel)


@pytest.mark.parametrize(
    "line", ["animal", "animal:", ": cat", "an animal: cat", "!: cat", "animal: , ,", f"{33 * 'a'}: b"]
)
async def test_what_is_no_list_is_told_and_changes_nothing(
    world: World, manager: simcord.MemberActor, line: str
) -> None:
    panel = await opened(world, manager)
    refused = await fill(manager, panel, "lists", f"colour: red\n{line}")
    assert f"Not a list: {line}." in told_privately(refused)
    assert buttons(shown(refused)) == ["Edit"]
    assert (await world.bot.store.servers.get(world.alice.guild.id)).lists == {}
