"""Going on from an answer: by its button, and after a restart."""

import io
from typing import Any

import pytest
import simcord
from PIL import Image
from simcord import InteractionResult, ResponseMessage

from bot.features.privacy import forget
from model.requests import Failed, Started, Text, Turn
from tests.bot.conftest import World, restart
from tests.bot.samples import fitted, png
from tests.bot.scripted import answer
from tests.bot.seen import buttons, fields, files, parts, shown, text, told_privately


async def asked(world: World, words: str = "What is this?", says: str = "A cat.", **options: Any) -> ResponseMessage:
    """Alice asks about a picture, and is answered; gives what she sees."""
    message = shown(await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question=words, **options))
    world.executor.jobs[-1].tell(answer(says))
    await world.env.settle()
    return message


async def ask_more(
    world: World, message: ResponseMessage, words: str, who: simcord.MemberActor | None = None
) -> InteractionResult:
    """Press the button, fill in the form; gives what comes."""
    actor = who or world.alice
    form = await actor.click(message, label="Ask more")
    (field,) = fields(form)
    return await actor.submit_modal(form, {field["custom_id"]: words})


async def test_ask_more_goes_on_with_the_picture_and_all_that_was_said(world: World) -> None:
    first = await asked(world, temperature=0.7, seed=5)
    second = shown(await ask_more(world, first, "Which colour?"))
    asks = world.executor.last_question
    assert asks.turns == (Turn(question="What is this?", answer="A cat."),)
    assert (asks.question, asks.temperature, asks.seed) == ("Which colour?", 0.7, 5)
    assert asks.pictures == (fitted(),)
    world.executor.jobs[-1].tell(Started(), Text("Gr"))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "Gr" in text(second)
    world.executor.jobs[-1].tell(answer("Grey."))
    await world.env.settle()
    assert "Grey." in text(second)
    assert buttons(second) == ["Ask more", "Delete"]
    await ask_more(world, second, "Sure?")
    assert [turn.answer for turn in world.executor.last_question.turns] == ["A cat.", "Grey."]


async def test_it_still_goes_on_after_a_restart(world: World) -> None:
    first = await asked(world)
    await restart(world)
    await ask_more(world, first, "Which colour?")
    assert world.executor.last_question.turns == (Turn(question="What is this?", answer="A cat."),)
    assert world.executor.last_question.pictures == (fitted(),)


async def test_what_had_to_be_forgotten_is_told(world: World) -> None:
    first = await asked(world)
    second = shown(await ask_more(world, first, "Which colour?"))
    long = answer("Grey.")
    world.executor.jobs[-1].tell(type(long)(long.text, long.tokens, True, 3, long.seconds))
    await world.env.settle()
    assert "questions forgotten: 3." in text(second)


async def test_anybody_goes_on_from_a_public_answer(world: World) -> None:
    first = await asked(world)
    second = shown(await ask_more(world, first, "Which colour?", world.bob))
    assert world.executor.last_question.owner == str(world.bob.id)
    assert not second.ephemeral


async def test_private_stays_private(world: World) -> None:
    first = await asked(world, private=True)
    assert first.ephemeral
    assert "A cat." in text(first)
    second = shown(await ask_more(world, first, "Which colour?"))
    world.executor.jobs[-1].tell(answer("Grey."))
    await world.env.settle()
    assert second.ephemeral
    assert "Grey." in text(second)
    record = await world.bot.store.jobs.get(world.executor.jobs[-1].id)
    assert record
    assert record.address.private


async def test_a_follow_up_of_no_words_is_refused(world: World) -> None:
    first = await asked(world)
    assert "question is empty" in told_privately(await ask_more(world, first, "  "))
    assert len(world.executor.jobs) == 1


async def test_deleting_an_answer_deletes_the_picture_too(world: World) -> None:
    first = await asked(world)
    job = world.executor.jobs[-1].id
    assert await world.bot.store.conversations.pictures(job)
    await world.alice.click(first, label="Delete")
    assert await world.bot.store.conversations.pictures(job) == ()
    assert await world.bot.store.jobs.get(job) is None
    assert first.id not in [message.id for message in world.channel.history()]


async def test_a_private_answer_is_deleted_too(world: World) -> None:
    first = await asked(world, private=True)
    await world.alice.click(first, label="Delete")
    assert await world.bot.store.jobs.get(world.executor.jobs[-1].id) is None


async def test_a_message_that_is_deleted_takes_its_picture_along(world: World) -> None:
    first = await asked(world)
    await world.moderator.delete(first)
    assert await world.bot.store.conversations.pictures(world.executor.jobs[-1].id) == ()
    assert await world.bot.store.jobs.get(world.executor.jobs[-1].id) is None


async def test_who_is_forgotten_takes_the_picture_along(world: World) -> None:
    first = await asked(world)
    job = world.executor.jobs[-1].id
    second = shown(await ask_more(world, first, "Which colour?", world.bob))
    world.executor.jobs[-1].tell(answer("Grey."))
    await world.env.settle()
    await forget(world.bot, world.alice.id)
    assert await world.bot.store.conversations.pictures(job) == ()
    assert "I no longer have the picture" in told_privately(await ask_more(world, second, "Sure?", world.bob))


async def test_a_question_that_failed_is_tried_again_in_place(world: World) -> None:
    first = await asked(world)
    second = shown(await ask_more(world, first, "Which colour?"))
    world.executor.jobs[-1].tell(Failed("", "memory"))
    await world.env.settle()
    await restart(world)
    await world.env.settle()
    assert buttons(second) == ["Try again"]
    await world.alice.click(second, label="Try again")
    again = world.executor.last_question
    assert (again.question, len(again.turns), len(again.pictures)) == ("Which colour?", 1, 1)
    world.executor.jobs[-1].tell(answer("Grey."))
    await world.env.settle()
    assert "Grey." in text(second)


# -- several pictures -------------------------------------------------------------------------------------------------


async def test_four_pictures_in_one_question(world: World) -> None:
    colours = ["red", "blue", "green", "white"]
    handed_in = [(f"{colour}.png", png(colour=colour)) for colour in colours]
    message = shown(
        await world.alice.slash(
            world.channel,
            "ask",
            image=handed_in[0],
            question="Which is green?",
            image_2=handed_in[1],
            image_3=handed_in[2],
            image_4=handed_in[3],
        )
    )
    assert world.executor.last_question.pictures == tuple(fitted(colour=colour) for colour in colours)
    world.executor.jobs[-1].tell(answer("The third."))
    await world.env.settle()
    (seen,) = parts(message, 12)
    assert len(seen["items"]) == 4
    assert len(files(message)) == 4
    await ask_more(world, message, "And which is white?")
    assert len(world.executor.last_question.pictures) == 4


async def test_one_bad_picture_among_several_refuses_the_question(world: World) -> None:
    told = told_privately(
        await world.alice.slash(
            world.channel, "ask", image=("cat.png", png()), question="What?", image_2=("notes.txt", b"hello")
        )
    )
    assert "notes.txt isn't a picture" in told
    assert world.executor.jobs == []


async def test_what_was_hidden_stays_hidden(world: World) -> None:
    message = shown(
        await world.alice.slash(world.channel, "ask", image=("SPOILER_end.png", png()), question="Who is it?")
    )
    world.executor.jobs[-1].tell(answer("The butler."))
    await world.env.settle()
    (picture,) = parts(message, 11)
    assert picture["spoiler"]
    second = shown(await ask_more(world, message, "Sure?"))
    assert parts(second, 11)[0]["spoiler"]


# -- formulas ---------------------------------------------------------------------------------------------------------


async def test_formulas_come_in_a_code_block(world: World) -> None:
    first = await asked(world, says=r"It is: \[ \frac{a}{b}_1 * 2 \] where \(a\) is *one*.")
    (said,) = [part["content"] for part in parts(first, 10) if "frac" in part["content"]]
    assert "```latex\n\\frac{a}{b}_1 * 2\n```" in said
    assert "where `a` is \\*one\\*." in said


@pytest.mark.parametrize("size", [(1, 1), (600, 400)])
async def test_the_shown_picture_is_a_small_copy(world: World, size: tuple[int, int]) -> None:
    message = shown(await world.alice.slash(world.channel, "ask", image=("cat.png", png(size)), question="What?"))
    (seen,) = files(message)
    with Image.open(io.BytesIO(await seen.read())) as image:
        assert max(image.size) <= 512
