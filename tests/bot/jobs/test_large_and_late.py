"""Pictures that are too large for one message, pictures that took long, and pictures that are hidden."""

import io

import pytest
from PIL import Image
from simcord import InteractionResult

from bot.media import uploads
from bot.media.provenance import read
from model.requests import Drawing, Pictures, Preview, Progress, Started
from tests.bot.conftest import World
from tests.bot.scripted import pictures
from tests.bot.seen import buttons, gallery, text

MINUTE = 60
NOISE = Image.merge("RGB", [Image.effect_noise((256, 256), 90) for _ in range(3)])


def noisy(drawing: Drawing) -> Pictures:
    """Pictures of some 190 kB each, as PNG."""
    plain = pictures(drawing)
    return Pictures((NOISE,) * len(plain.pictures), plain.tokens, plain.seeds, plain.seconds)


async def drawn(world: World, **options: object) -> InteractionResult:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, **options)
    world.executor.job.tell(noisy(world.executor.drawing))
    await world.env.settle()
    return result


async def test_what_does_not_fit_into_one_message_goes_into_several(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "REQUEST_BYTES", 450_000)
    result = await drawn(world)
    assert result.response
    messages = [result.response, *result.followups]
    assert [[a.filename for a in m.attachments] for m in messages] == [
        ["janus-7.png", "janus-8.png"],
        ["janus-9.png", "janus-10.png"],
        ["janus-11.png"],
    ]
    assert [buttons(m)[:-5] for m in messages] == [["1", "2"], ["3", "4"], ["5"]]
    shown = await world.alice.click(messages[2], label="5")
    assert shown.response
    assert "Picture 5 · seed 11" in text(shown.response)


async def test_what_discord_finds_too_large_in_the_middle_loses_nothing_and_repeats_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "REQUEST_BYTES", 450_000)
    world.env.inject_error("POST", "/webhooks/*", status=413, code=40005, times=8)
    result = await drawn(world)
    assert result.response
    names = [a.filename for m in [result.response, *result.followups] for a in m.attachments]
    assert names[:2] == ["janus-7.png", "janus-8.png"]
    assert [name.partition(".")[0] for name in names[2:]] == ["janus-9", "janus-10", "janus-11"]


async def test_a_file_over_the_server_s_limit_goes_as_webp_and_still_tells_what_made_it(world: World) -> None:
    world.env.inject_error("PATCH", "/webhooks/*", status=413, code=40005, times=8)
    result = await drawn(world, count=1)
    assert result.response
    (file,) = result.response.attachments
    assert file.filename == "janus-7.webp"
    data = await file.read()
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == NOISE.size
    told = read(data)
    assert told
    assert (told.prompt, told.seed) == ("a red circle", 7)


def calls(world: World) -> list[str]:
    """Messages that call Alice."""
    return [message.content for message in world.channel.history() if world.alice.mention in message.content]


async def test_who_waited_long_is_called_once(world: World) -> None:
    await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.executor.job.tell(Started(), Progress(1, 2, 90.0))
    await world.env.settle()
    await world.env.advance_time(2 * MINUTE)
    assert calls(world) == []
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert calls(world) == [f"{world.alice.mention} Your pictures are ready."]
    (body,) = [r.json for r in world.env.http_requests if r.json and "are ready" in str(r.json)]
    assert body["allowed_mentions"]["users"] == [world.alice.id]


async def test_who_waited_a_moment_is_not_called(world: World) -> None:
    await drawn(world)
    assert calls(world) == []


async def test_hidden_pictures_are_hidden_from_the_first_preview_on(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=2, spoiler=True)
    world.executor.job.tell(Started(), Preview((NOISE, NOISE)))
    await world.env.settle()
    await world.env.advance_time(2)
    assert result.response
    assert [item["spoiler"] for item in gallery(result.response)] == [True, True]
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert [item["spoiler"] for item in gallery(result.response)] == [True, True]
