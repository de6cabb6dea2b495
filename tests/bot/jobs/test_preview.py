"""The pictures on their way, as the panel shows them."""

import io

from PIL import Image

from model.requests import Preview, Progress, Started
from tests.bot.conftest import World
from tests.bot.scripted import pictures
from tests.bot.seen import buttons, gallery, text


def half_drawn(colour: str, count: int = 2) -> Preview:
    picture = Image.new("RGB", (384, 384), (127, 127, 127))
    picture.paste(colour, (0, 0, 384, 192))
    return Preview((picture,) * count)


def previews(world: World) -> int:
    """How many edits brought pictures along."""
    edits = [request.json or {} for request in world.env.http_requests if request.method == "PATCH"]
    return sum(bool(edit.get("attachments")) for edit in edits)


async def test_the_panel_shows_the_pictures_as_they_are_drawn(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=2)
    assert world.executor.drawing.previews
    world.executor.job.tell(Started(), Progress(50, 100, 5.0), half_drawn("red"))
    await world.env.settle()
    await world.env.advance_time(2)
    assert result.response
    assert [item["description"] for item in gallery(result.response)] == ["a red circle"] * 2
    assert "50 %" in text(result.response)
    assert buttons(result.response) == ["Cancel"]
    for attachment in result.response.attachments:
        data = await attachment.read()
        assert len(data) < 20_000
        with Image.open(io.BytesIO(data)) as sent:
            assert max(sent.size) <= 256
            red, _, blue = sent.convert("RGB").getpixel((10, 10))  # type: ignore[misc]
            assert red > 200 > 60 > blue
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert all(attachment.filename.startswith("janus-") for attachment in result.response.attachments)


async def test_previews_are_seconds_apart_and_stay_while_the_line_below_goes_on(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=2)
    for done in range(100):
        world.executor.job.tell(half_drawn("red"), Progress(done, 100))
        await world.env.settle()
        await world.env.advance_time(0.1)
    assert 2 <= previews(world) <= 4  # in ten seconds
    world.executor.job.tell(Progress(99, 100, 1.0))
    await world.env.settle()
    await world.env.advance_time(2)
    assert result.response
    assert "99 %" in text(result.response)
    assert len(gallery(result.response)) == len(result.response.attachments) == 2


async def test_a_cancelled_drawing_leaves_no_preview_behind(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=2)
    world.executor.job.tell(Started(), half_drawn("red"), Progress(50, 100))
    await world.env.settle()
    await world.env.advance_time(2)
    assert result.response
    refused = await world.bob.click(result.response, label="Cancel")
    assert refused.response
    assert "Only the member who asked" in refused.response.content
    await world.alice.click(result.response, label="Cancel")
    assert "Cancelled." in text(result.response)
    assert result.response.attachments == []


async def test_the_panel_says_when_only_the_last_touch_is_missing(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.executor.job.tell(Progress(100, 100, 0.0))
    await world.env.settle()
    await world.env.advance_time(2)
    assert result.response
    assert "Almost done" in text(result.response)
