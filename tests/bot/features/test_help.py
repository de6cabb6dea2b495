import pytest
import simcord

from bot.features.help import DEMO, JANUS, Examples
from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import gallery, parts, text

MODELS = [("demo", DEMO), ("7b", JANUS), ("owner/Janus-Pro-1B", JANUS)]


async def helped(world: World, model: str) -> simcord.ResponseMessage:
    world.executor.becomes(model=model)
    result = await world.alice.slash(world.channel, "help")
    assert result.response
    assert result.response.ephemeral
    return result.response


def custom_ids(message: simcord.ResponseMessage) -> list[str]:
    return [part["custom_id"] for part in parts(message, 2)]


@pytest.mark.parametrize(("model", "examples"), MODELS)
async def test_one_screen_with_examples_for_the_model(world: World, model: str, examples: Examples) -> None:
    shown = await helped(world, model)
    for words in (*examples.drawings.values(), *examples.questions.values()):
        assert words in text(shown)
    assert len(custom_ids(shown)) == len(examples.drawings) + len(examples.questions)


@pytest.mark.parametrize(("name", "prompt"), {**JANUS.drawings, **DEMO.drawings}.items())
async def test_a_press_draws_the_example_for_who_pressed(world: World, name: str, prompt: str) -> None:
    shown = await helped(world, "demo" if name in DEMO.drawings else "7b")
    result = await world.alice.click(shown, custom_id=f"draw_example:{name}")
    drawing, defaults = world.executor.drawing, world.bot.settings.imagine
    assert (drawing.prompt, drawing.owner) == (prompt, str(world.alice.id))
    assert (drawing.count, drawing.guidance) == (defaults.count, defaults.guidance)
    world.executor.job.tell(pictures(drawing))
    await world.env.settle()
    assert result.response
    assert not result.response.ephemeral
    assert len(gallery(result.response)) == defaults.count


@pytest.mark.parametrize(("name", "question"), {**JANUS.questions, **DEMO.questions}.items())
async def test_an_asking_example_takes_a_picture_and_a_question_that_may_be_changed(
    world: World, name: str, question: str
) -> None:
    shown = await helped(world, "demo" if name in DEMO.questions else "7b")
    form = await world.alice.click(shown, custom_id=f"ask_example:{name}")
    assert form.modal
    picture, words = (label["component"] for label in form.modal["components"])
    assert words["value"] == question
    result = await world.alice.submit_modal(
        form, {picture["custom_id"]: [("cat.png", png())], words["custom_id"]: f"{question} please"}
    )
    assert world.executor.question.question == f"{question} please"
    world.executor.job.tell(answer("A cat."))
    await world.env.settle()
    assert result.response
    assert "A cat." in text(result.response)


async def test_what_is_no_picture_is_refused_in_the_form_too(world: World) -> None:
    form = await world.alice.click(await helped(world, "demo"), custom_id="ask_example:count")
    assert form.modal
    picture, words = (label["component"] for label in form.modal["components"])
    result = await world.alice.submit_modal(
        form, {picture["custom_id"]: [("notes.txt", b"words")], words["custom_id"]: "what is this?"}
    )
    assert result.response
    assert result.response.ephemeral
    assert "notes.txt is not a picture" in result.response.content


async def test_an_example_that_is_no_longer_offered_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = await helped(world, "demo")
    monkeypatch.setattr("bot.features.help.prompt_of", lambda name: None)
    result = await world.alice.click(shown, custom_id="draw_example:star")
    assert result.response
    assert result.response.ephemeral
    assert world.executor.jobs == []
