import discord
import pytest
import simcord

from bot.features.help import DEMO, JANUS, Examples
from bot.texts import ENGLISH
from model.requests import Drawing
from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import fields, gallery, parts, shown, text, told_privately

MODELS = [("demo", DEMO), ("7b", JANUS), ("owner/Janus-Pro-1B", JANUS)]


async def helped(world: World, model: str) -> simcord.ResponseMessage:
    world.executor.becomes(model=model)
    message = shown(await world.alice.slash(world.channel, "help"))
    assert message.ephemeral
    return message


def custom_ids(message: simcord.ResponseMessage) -> list[str]:
    return [part["custom_id"] for part in parts(message, 2)]


@pytest.mark.parametrize(("model", "examples"), MODELS)
async def test_one_screen_with_examples_for_the_model(world: World, model: str, examples: Examples) -> None:
    screen = await helped(world, model)
    for words in (*examples.drawings.values(), *examples.questions.values()):
        assert words in text(screen)
    assert len(custom_ids(screen)) == len(examples.drawings) + len(examples.questions)


async def test_commands_are_named_to_be_pressed_and_settings_to_those_who_can_use_them(world: World) -> None:
    rights = world.alice.guild.create_role("managers", permissions=discord.Permissions(manage_guild=True))
    manager = world.alice.guild.add_member(world.env.create_user("manager"), roles=[rights])
    ids = world.bot.command_sync.ids
    screen = text(await helped(world, "demo"))
    assert f"</imagine:{ids['imagine']}>" in screen
    assert f"</settings:{ids['settings']}>" not in screen
    assert f"</settings:{ids['settings']}>" in text(shown(await manager.slash(world.channel, "help")))
    world.bot.command_sync.ids = {}
    assert "`/imagine`" in text(await helped(world, "demo"))


async def test_menus_are_named_where_there_are_any(world: World) -> None:
    assert "choose Apps" in text(await helped(world, "demo"))
    for menu in world.bot.tree.get_commands(type=discord.AppCommandType.message):
        world.bot.tree.remove_command(menu.name, type=discord.AppCommandType.message)
    assert "choose Apps" not in text(await helped(world, "demo"))


@pytest.mark.parametrize(("model", "examples"), MODELS[:2])
async def test_a_press_draws_the_example_for_who_pressed(world: World, model: str, examples: Examples) -> None:
    screen, defaults = await helped(world, model), world.bot.settings.imagine
    for name, prompt in examples.drawings.items():
        message = shown(await world.alice.click(screen, custom_id=f"draw_example:{name}"))
        drawing = world.executor.jobs[-1].request
        assert isinstance(drawing, Drawing)
        assert (drawing.prompt, drawing.owner) == (prompt, str(world.alice.id))
        assert (drawing.count, drawing.guidance) == (defaults.count, defaults.guidance)
        world.executor.jobs[-1].tell(pictures(drawing))
        await world.env.settle()
        assert not message.ephemeral
        assert len(gallery(message)) == defaults.count


@pytest.mark.parametrize(("model", "examples"), MODELS[:2])
async def test_an_asking_example_takes_a_picture_and_a_question_that_may_be_changed(
    world: World, model: str, examples: Examples
) -> None:
    screen = await helped(world, model)
    for name, question in examples.questions.items():
        form = await world.alice.click(screen, custom_id=f"ask_example:{name}")
        picture, words = fields(form)
        assert words["value"] == question
        filled = {picture["custom_id"]: [("cat.png", png())], words["custom_id"]: f"{question} please"}
        message = shown(await world.alice.submit_modal(form, filled))
        assert world.executor.last_question.question == f"{question} please"
        world.executor.jobs[-1].tell(answer("A cat."))
        await world.env.settle()
        assert "A cat." in text(message)


async def test_what_is_no_picture_is_refused_in_the_form_too(world: World) -> None:
    form = await world.alice.click(await helped(world, "demo"), custom_id="ask_example:count")
    picture, words = fields(form)
    told = told_privately(
        await world.alice.submit_modal(
            form, {picture["custom_id"]: [("notes.txt", b"words")], words["custom_id"]: "what is this?"}
        )
    )
    assert "notes.txt isn't a picture" in told


async def test_an_example_that_is_no_longer_offered_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = await helped(world, "demo")
    monkeypatch.setattr("bot.features.help.prompt_of", lambda name: None)
    told = told_privately(await world.alice.click(screen, custom_id="draw_example:star"))
    assert ENGLISH.forgotten in told
    assert world.executor.jobs == []
