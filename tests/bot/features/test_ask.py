import re

import pytest

from model.requests import Started, Text
from tests.bot.conftest import World
from tests.bot.samples import animation, fitted, png
from tests.bot.scripted import answer
from tests.bot.seen import buttons, files, parts, shown, text, told_privately


async def test_an_answer_grows_and_ends(world: World) -> None:
    result = await world.alice.slash(
        world.channel,
        "ask",
        image=("cat.png", png()),
        question="What is this?",
        temperature=0.5,
        word_choice=0.5,
        seed=3,
    )
    asked = world.executor.question
    assert (asked.question, asked.temperature, asked.top_p, asked.seed) == ("What is this?", 0.5, 0.5, 3)
    assert asked.pictures == (fitted(),)
    assert [a.filename for a in files(shown(result))] == ["picture.webp"]
    world.executor.job.tell(Started(), Text("A red"))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "A red" in text(shown(result))
    assert buttons(shown(result)) == ["Cancel"]
    world.executor.job.tell(Text(" square."), answer("A red square."))
    await world.env.settle()
    assert "A red square." in text(shown(result))
    assert "demo · 1.0 s" in text(shown(result))
    assert buttons(shown(result)) == ["Ask more", "Delete"]
    assert not result.ephemeral


async def test_the_answer_is_edited_once_a_second_however_fast_it_comes(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What is this?"))
    before = len(world.env.http_requests)
    for second in range(1, 4):
        world.executor.job.tell(Started(), *(Text(f"{second} ") for _ in range(30)))
        await world.env.settle()
        await world.env.advance_time(1)
        assert len(world.env.http_requests) - before == second
    assert text(message).count("3") == 30
    await world.env.advance_time(60)
    assert len(world.env.http_requests) - before == 3  # nothing new, nothing sent


async def test_the_defaults_are_the_settings(world: World) -> None:
    await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?")
    asked, defaults = world.executor.question, world.bot.settings.ask
    assert (asked.seed, asked.temperature, asked.top_p, asked.max_new_tokens) == (
        defaults.seed,
        defaults.temperature,
        defaults.top_p,
        defaults.max_new_tokens,
    )


async def test_of_an_animation_it_says_that_it_saw_the_first_frame(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "ask", image=("cat.gif", animation()), question="What?"))
    world.executor.job.tell(answer("Red."))
    await world.env.settle()
    assert "first frame" in text(message)


async def test_a_long_answer_goes_along_as_a_file(world: World) -> None:
    long = "word " * 2000
    message = shown(await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?"))
    world.executor.job.tell(Text(long))
    await world.env.settle()
    await world.env.advance_time(2)
    world.executor.job.tell(answer(long, complete=False))
    await world.env.settle()
    _, file = files(message)
    assert file.filename == "answer.txt"
    assert (await file.read()).decode() == long.strip()
    assert "the file has all of it" in text(message)
    assert "answer reached its maximum length" in text(message)
    assert sum(len(part["content"]) for part in parts(message, 10)) <= 4000


async def test_nobody_is_mentioned_by_what_people_or_the_model_write(world: World) -> None:
    evil = f"@everyone <@{world.bob.id}> # big [here](https://example.com) || ~~x~~"
    message = shown(await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question=evil))
    world.executor.job.tell(answer(evil))
    await world.env.settle()
    bodies = [request.json for request in world.env.http_requests if "components" in str(request.json)]
    sent = [body.get("data", body) for body in bodies if isinstance(body, dict)]
    assert len(sent) == 3
    assert [body["allowed_mentions"] for body in sent] == [{"parse": []}] * 3
    for part in parts(message, 10):  # nor is it even shown as one, or as markup
        assert not re.search(r"(?<!\\)(<@|\[|\|\||~~)|@everyone|^#", part["content"])


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("notes.txt", b"hello", "notes.txt isn't a picture"),
        ("huge.png", b"\0" * (10 * 2**20 + 1), "huge.png is too large (10.5 MB)"),
        ("broken.png", png((200, 200))[:60], "broken.png is damaged"),
    ],
)
async def test_bad_input_is_refused_privately_and_costs_nothing(
    world: World, name: str, data: bytes, says: str
) -> None:
    result = await world.alice.slash(world.channel, "ask", image=(name, data), question="What is this?")
    told = told_privately(result)  # nothing else is left in the channel
    assert says in told
    assert world.executor.jobs == []


async def test_a_question_of_no_words_is_refused(world: World) -> None:
    assert "question is empty" in told_privately(
        await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="  \n ")
    )


async def test_a_bug_after_the_first_message_is_told_on_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def submit(request: object) -> object:
        raise RuntimeError("boom")

    monkeypatch.setattr(world.executor, "submit", submit)
    message = shown(await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?"))
    assert "wrong on my side" in text(message)


async def test_an_answer_of_control_characters_alone_is_one_of_no_words(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?"))
    world.executor.job.tell(Started(), Text("\x01 \x02"))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "Thinking" in text(message)
    world.executor.job.tell(answer("\x01 \x02"))
    await world.env.settle()
    assert "(no words)" in text(message)
    assert len(files(message)) == 1


async def test_a_question_reaches_the_model_as_it_was_written(world: World) -> None:
    result = await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="  What is this?\n")
    assert world.executor.question.question == "  What is this?\n"
    assert "**What is this?**" in text(shown(result))
