"""The menus of a message: a question about its pictures, or their description."""

import pytest

from model.requests import Drawing
from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import buttons, parts, text

CAT = ("cat.png", png())


async def test_describe_this_image(world: World) -> None:
    shown = await world.bob.send(world.channel, "look!", attachments=[CAT])
    result = await world.alice.context_menu(world.channel, "Describe this image", shown)
    assert world.executor.last_question.question == "Describe this image."
    world.executor.job.tell(answer("A cat."))
    await world.env.settle()
    assert result.response
    assert "A cat." in text(result.response)
    assert buttons(result.response) == ["Ask more", "Delete"]


@pytest.mark.parametrize("private", [True, False])
async def test_ask_about_this_image(world: World, private: bool) -> None:
    shown = await world.bob.send(world.channel, "look!", attachments=[CAT, CAT])
    form = await world.alice.context_menu(world.channel, "Ask about this image", shown)
    assert form.modal
    words, alone = [part["component"]["custom_id"] for part in form.modal["components"]]
    result = await world.alice.submit_modal(form, {words: "Which colour?", alone: private})
    assert world.executor.last_question.question == "Which colour?"
    assert len(world.executor.last_question.pictures) == 2
    world.executor.job.tell(answer("Grey."))
    await world.env.settle()
    assert result.response
    assert result.response.ephemeral is private
    assert "Grey." in text(result.response)


@pytest.mark.parametrize("menu", ["Ask about this image", "Describe this image"])
async def test_a_menu_on_a_message_without_a_picture_is_refused_privately(world: World, menu: str) -> None:
    for message, says in [
        (await world.bob.send(world.channel, "look!"), "no picture on that message"),
        (await world.bob.send(world.channel, "", attachments=[("notes.txt", b"hello")]), "notes.txt is not a picture"),
    ]:
        told = await world.alice.context_menu(world.channel, menu, message)
        assert told.response
        assert told.response.ephemeral
        assert says in told.response.content
    assert world.executor.jobs == []


async def test_a_menu_on_a_gallery_of_the_bot_s(world: World) -> None:
    drawn = await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=2)
    request = world.executor.job.request
    assert isinstance(request, Drawing)
    world.executor.job.tell(pictures(request))
    await world.env.settle()
    assert drawn.response
    result = await world.bob.context_menu(world.channel, "Describe this image", drawn.response)
    assert world.executor.last_question.question == "Describe these images."
    assert len(world.executor.last_question.pictures) == 2
    assert result.response
    assert len(parts(result.response, 12)[0]["items"]) == 2


async def test_a_form_that_is_too_long_is_refused_privately(world: World) -> None:
    shown = await world.bob.send(world.channel, "look!", attachments=[CAT])
    form = await world.alice.context_menu(world.channel, "Ask about this image", shown)
    assert form.modal
    words = form.modal["components"][0]["component"]["custom_id"]
    told = await world.alice.submit_modal(form, {words: "x" * 4000})
    assert told.response
    assert told.response.ephemeral
    assert "4000 characters long" in told.response.content
