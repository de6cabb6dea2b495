import io

import pytest
import simcord
from PIL import Image

from model.requests import Drawing, Progress, Queued, Started
from tests.bot.conftest import World
from tests.bot.scripted import pictures
from tests.bot.seen import files, gallery, shown, text, told_privately


async def test_a_drawing_from_the_first_second_to_the_gallery(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=3))
    assert "a red circle" in text(message)
    world.executor.job.tell(Queued(2, 40.0))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "number 2 in the queue, about 40 s" in text(message)
    world.executor.job.tell(Started(), Progress(50, 100, 5.0))
    await world.env.settle()
    await world.env.advance_time(2)
    assert "50 %, about 5 s left" in text(message)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert "seed 7 · guidance 5 · temperature 1 · demo · 2.5 s" in text(message)
    assert [item["description"] for item in gallery(message)] == [
        f"Picture {number}, seed {6 + number}: a red circle" for number in (1, 2, 3)
    ]
    assert [a.filename for a in files(message)] == ["janus-7.png", "janus-8.png", "janus-9.png"]


async def test_the_defaults_are_the_settings_and_the_seed_is_drawn_and_shown(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="  a red circle \n"))
    drawing, defaults = world.executor.drawing, world.bot.settings.imagine
    assert drawing.prompt == "a red circle"
    assert (drawing.guidance, drawing.temperature, drawing.count) == (
        defaults.guidance,
        defaults.temperature,
        defaults.count,
    )
    assert drawing.owner == str(world.alice.id)
    world.executor.job.tell(pictures(drawing))
    await world.env.settle()
    assert f"seed {drawing.seed} " in text(message)


async def test_two_drawings_without_a_seed_differ(world: World) -> None:
    for _ in range(2):
        await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    first, second = (job.request for job in world.executor.jobs)
    assert isinstance(first, Drawing)
    assert isinstance(second, Drawing)
    assert first.seed != second.seed


async def test_at_temperature_0_it_says_why_there_is_one_picture(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", temperature=0.0))
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert len(gallery(message)) == 1
    assert "all pictures would be the same" in text(message)


@pytest.mark.parametrize(
    ("prompt", "says"), [("   ", "The prompt is empty"), ("x" * 2001, "That's 2001 characters. The limit is 2000")]
)
async def test_a_bad_prompt_is_refused_privately_and_costs_nothing(world: World, prompt: str, says: str) -> None:
    assert says in told_privately(await world.alice.slash(world.channel, "imagine", prompt=prompt))
    assert world.executor.jobs == []


async def test_discord_itself_keeps_options_in_range(world: World) -> None:
    bounds = {"guidance": (1, 10), "temperature": (0, 2), "count": (1, 5), "seed": (0, 2**32 - 1)}
    for option, (least, most) in bounds.items():
        step = 0.1 if option in ("guidance", "temperature") else 1
        for value in (least - step, most + step):
            with pytest.raises(simcord.OptionError):
                await world.alice.slash(world.channel, "imagine", prompt="a red circle", **{option: value})


async def test_the_pictures_are_those_that_the_model_drew(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=2))
    drawn = pictures(world.executor.drawing)
    world.executor.job.tell(drawn)
    await world.env.settle()
    for attachment, picture in zip(files(message), drawn.pictures, strict=True):
        with Image.open(io.BytesIO(await attachment.read())) as image:
            assert image.tobytes() == picture.tobytes()
