"""The menus of a message: a question about its pictures, or their description."""

import pytest

from model.requests import Drawing
from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import buttons, fields, parts, shown, text, told_privately

CAT = ("cat.png", png())


async def test_describe_this_image(world: World) -> None:
    seen = await world.bob.send(world.channel, "look!", attachments=[CAT])
    message = shown(await world.alice.context_menu(world.channel, "Describe this image", seen))
    assert world.executor.last_question.question == "Describe this image."
    world.executor.job.tell(answer("A cat."))
    await world.env.settle()
    assert "A cat." in text(message)
    assert f"for <@{world.alice.id}> · [about this message](" in text(message)
    assert f"/{world.channel.id}/{seen.id})" in text(message)
    assert buttons(message) == ["Ask more", "Delete"]


@pytest.mark.parametrize("private", [True, False])
async def test_ask_about_this_image(world: World, private: bool) -> None:
    seen = await world.bob.send(world.channel, "look!", attachments=[CAT, CAT])
    form = await world.alice.context_menu(world.channel, "Ask about this image", seen)
    words, alone = [field["custom_id"] for field in fields(form)]
    message = shown(await world.alice.submit_modal(form, {words: "Which colour?", alone: private}))
    assert world.executor.last_question.question == "Which colour?"
    assert len(world.executor.last_question.pictures) == 2
    world.executor.job.tell(answer("Grey."))
    await world.env.settle()
    assert message.ephemeral is private
    assert "Grey." in text(message)
    assert f"/{world.channel.id}/{seen.id})" in text(message)


@pytest.mark.parametrize("menu", ["Ask about this image", "Describe this image"])
async def test_a_menu_on_a_message_without_a_picture_is_refused_privately(world: World, menu: str) -> None:
    for message, says in [
        (await world.bob.send(world.channel, "look!"), "no picture in that message"),
        (await world.bob.send(world.channel, "", attachments=[("notes.txt", b"hello")]), "notes.txt isn't a picture"),
    ]:
        assert says in told_privately(await world.alice.context_menu(world.channel, menu, message))
    assert world.executor.jobs == []


async def test_a_menu_on_a_gallery_of_the_bot_s(world: World) -> None:
    drawn = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=2))
    request = world.executor.job.request
    assert isinstance(request, Drawing)
    world.executor.job.tell(pictures(request))
    await world.env.settle()
    message = shown(await world.bob.context_menu(world.channel, "Describe this image", drawn))
    assert world.executor.last_question.question == "Describe these images."
    assert len(world.executor.last_question.pictures) == 2
    assert len(parts(message, 12)[0]["items"]) == 2


async def test_a_form_that_is_too_long_is_refused_privately(world: World) -> None:
    seen = await world.bob.send(world.channel, "look!", attachments=[CAT])
    form = await world.alice.context_menu(world.channel, "Ask about this image", seen)
    words = fields(form)[0]["custom_id"]
    assert "4000 characters" in told_privately(await world.alice.submit_modal(form, {words: "x" * 4000}))
