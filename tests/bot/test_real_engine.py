"""The whole way once, with nothing scripted: Discord's simulation, the bot, the executor's thread and the engine."""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import simcord
from PIL import Image

from bot.config import Settings
from bot.core.client import JanusBot
from model.executor import open_here
from model.requests import Executor, Pictures
from model.settings import ModelSettings
from tests.bot.conftest import attach, bugs, make_bot
from tests.bot.samples import png
from tests.bot.seen import buttons, fields, files, gallery, parts, shown, text, told_privately

SECONDS = 60


@pytest.fixture
async def env(tiny_folder: Path, tmp_path: Path) -> AsyncIterator[simcord.Env]:
    settings = Settings(model=ModelSettings(name=str(tiny_folder), upscaler="lanczos"))
    bot = make_bot(open_here(settings.model, settings.engine), tmp_path, settings=settings)
    env = simcord.Env(bot, check_errors=False, settle_timeout=SECONDS)
    await env.start()
    attach(env, bot)
    yield env
    await bot.close()
    await env.shutdown()
    assert bugs(env) == []


async def delivered(env: simcord.Env) -> None:
    """Let the thread work until every job has been delivered."""
    assert isinstance(env.bot, JanusBot)
    await env.bot.queue.finish(SECONDS)


def executor(env: simcord.Env) -> Executor:
    assert isinstance(env.bot, JanusBot)
    return env.bot.executor


def is_answered(message: simcord.ResponseMessage) -> bool:
    """Tell whether an answer is there: only then one can go on from it."""
    return "Ask more" in buttons(message)


async def test_a_drawing_and_an_answer_while_the_model_still_loads(env: simcord.Env) -> None:
    channel = env.create_guild().create_text_channel("pictures")
    alice = env.guild.add_member(env.create_user("alice"))
    drawing = shown(await alice.slash(channel, "imagine", prompt="a red circle", seed=1, count=2))
    asking = shown(await alice.slash(channel, "ask", image=("cat.png", png()), question="What is this?"))
    await delivered(env)
    assert len(gallery(drawing)) == 2
    assert [a.filename for a in files(drawing)] == ["janus-1.png", "janus-2.png"]
    assert is_answered(asking)
    assert executor(env).status().state == "ready"


async def test_a_careful_drawing_shows_those_that_its_model_finds_best(env: simcord.Env) -> None:
    channel = env.create_guild().create_text_channel("pictures")
    alice = env.guild.add_member(env.create_user("alice"))
    drawing = shown(await alice.slash(channel, "imagine", prompt="a red circle", seed=1, count=2, careful=True))
    await delivered(env)
    assert len(gallery(drawing)) == 2
    assert {file.filename for file in files(drawing)} < {f"janus-{seed}.png" for seed in (1, 2, 3, 4)}
    said = told_privately(await alice.click(drawing, label="Info"))
    assert "chosen from 4" in said
    first, second = (int(percent) for percent in re.findall(r"· (\d+) %", said))
    assert 100 >= first >= second >= 0


async def test_four_pictures_and_questions_until_the_first_are_forgotten(env: simcord.Env) -> None:
    channel = env.create_guild().create_text_channel("pictures")
    alice = env.guild.add_member(env.create_user("alice"))
    files = {name: (f"{name}.png", png((40, 30))) for name in ("image", "image_2", "image_3", "image_4")}
    message = shown(await alice.slash(channel, "ask", question="Which is red?", temperature=0, **files))
    await delivered(env)
    for _ in range(3):
        assert is_answered(message)
        assert len(parts(message, 12)[0]["items"]) == 4
        form = await alice.click(message, label="Ask more")
        (field,) = fields(form)
        words = "And which of them is blue, please? " * 2
        message = shown(await alice.submit_modal(form, {field["custom_id"]: words}))
        await delivered(env)
    assert "questions forgotten:" in text(message)


async def test_a_seed_draws_the_same_picture_again(env: simcord.Env) -> None:
    channel = env.create_guild().create_text_channel("pictures")
    alice = env.guild.add_member(env.create_user("alice"))
    messages = [
        shown(await alice.slash(channel, "imagine", prompt="a red circle", seed=seed, count=count))
        for seed, count in [(7, 2), (8, 1)]
    ]
    await delivered(env)
    both, second_alone = [[await file.read() for file in files(message)] for message in messages]
    assert both[1] == second_alone[0]


async def test_a_prompt_that_the_model_can_not_take_is_refused_privately(env: simcord.Env) -> None:
    channel = env.create_guild().create_text_channel("pictures")
    alice = env.guild.add_member(env.create_user("alice"))
    result = await alice.slash(channel, "imagine", prompt="word " * 390)
    await delivered(env)
    told = told_privately(result)
    assert "The prompt is too long for the model" in told


async def test_a_model_that_is_not_there_says_so(tmp_path: Path) -> None:
    settings = Settings(model=ModelSettings(name=str(tmp_path / "nowhere")))
    bot = make_bot(open_here(settings.model, settings.engine), tmp_path, settings=settings)
    async with simcord.run(bot, settle_timeout=SECONDS) as env:
        attach(env, bot)
        channel = env.create_guild().create_text_channel("pictures")
        alice = env.guild.add_member(env.create_user("alice"))
        message = shown(await alice.slash(channel, "imagine", prompt="a red circle"))
        await delivered(env)
        assert "isn't available right now" in text(message)
        await bot.close()


async def tokens_of(env: simcord.Env, message: int) -> tuple[int, ...]:
    """The tokens of the first picture on a message."""
    assert isinstance(env.bot, JanusBot)
    row = await env.bot.store.database.row("SELECT id FROM jobs WHERE message = ?", (message,))
    assert row
    record = await env.bot.store.jobs.get(row["id"])
    assert record
    assert isinstance(record.result, Pictures)
    return record.result.tokens[0]


async def test_a_picture_is_varied_enlarged_and_asked_about(env: simcord.Env) -> None:
    channel = env.create_guild().create_text_channel("pictures")
    alice = env.guild.add_member(env.create_user("alice"))
    drawing = shown(await alice.slash(channel, "imagine", prompt="a red circle", seed=7, count=1))
    await delivered(env)
    varied = shown(await alice.click(drawing, label="Vary a little"))
    enlarged = shown(await alice.click(drawing, label="Enlarge"))
    described = shown(await alice.click(drawing, label="Describe"))
    await delivered(env)
    assert is_answered(described)
    first, large = [Image.open(io.BytesIO(await files(one)[0].read())) for one in (drawing, enlarged)]
    assert large.size == (2 * first.width, 2 * first.height)
    before, after = [await tokens_of(env, message.id) for message in (drawing, varied)]
    half = len(before) // 2
    assert after[:half] == before[:half]
    assert after[half:] != before[half:]
