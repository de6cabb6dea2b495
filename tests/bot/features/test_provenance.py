"""Where a picture comes from is in its file, and is read back from wherever the file has gone."""

import io
import json
import struct
from dataclasses import asdict, replace

import pytest
import sd_parsers
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from bot.media import provenance
from bot.media.provenance import Provenance, program_version
from bot.media.uploads import Finished, encode
from tests.bot.conftest import World
from tests.bot.features.test_gallery import drawn
from tests.bot.samples import bomb, chunk, png, saved, with_chunks
from tests.bot.scripted import pictures
from tests.bot.seen import files, shown, told_privately

MENU = "What made this picture?"
MADE = Provenance(
    prompt="a “red” circle\nبالعربية 🏳️‍🌈",
    seed=2**32 - 1,
    guidance=2.5,
    temperature=0.7,
    model="owner/Janus",
    version="0.1.0",
    kept=36,
    steps=144,
    avoid="grün, a “blue” square",
    more_avoided=True,
    chosen_from=10,
    stream=2,
)
NOISE = Image.effect_noise((256, 256), 90).convert("RGB")


def chunks(data: bytes) -> dict[bytes, bytes]:
    """The text chunks of a PNG by keyword, read without Pillow: kind and the rest."""
    found, at = {}, 8
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if kind in (b"tEXt", b"iTXt"):
            keyword, _, rest = body.partition(b"\0")
            found[keyword] = kind + b":" + rest
        at += 12 + length
    return found


async def test_a_png_says_it_twice_and_leaves_the_names_of_others_alone() -> None:
    (upload,) = await encode([Finished(NOISE, "x", MADE)], 2**20)
    found = chunks(upload.data)
    assert found.keys() == {b"parameters", b"Software", b"janus-bot"}  # `prompt` and `workflow` are ComfyUI's
    assert found[b"parameters"].startswith(b"iTXt:")
    kind, _, told = found[b"janus-bot"].partition(b":")
    assert (kind, json.loads(told)) == (b"tEXt", asdict(MADE))


@pytest.mark.parametrize("limit", [2**20, 30_000], ids=["png", "webp"])
@pytest.mark.parametrize("prompt", ["a red circle, on blue", "赤い円 “ü” 🏳️‍🌈", "x\nSteps: 3\nNegative prompt: y"])
@pytest.mark.parametrize("avoid", ["", "a “blue” square\nNegative prompt: no, Steps: 3"])
async def test_a_published_reader_reads_it(limit: int, prompt: str, avoid: str) -> None:
    made = replace(MADE, prompt=prompt, avoid=avoid, model="C:\\a,b")
    (upload,) = await encode([Finished(NOISE, "x", made)], limit)
    with Image.open(io.BytesIO(upload.data)) as image:
        told = sd_parsers.ParserManager().parse(image)
    assert told
    (sampler,) = told.samplers
    (said,) = sampler.prompts
    assert said.value.replace(" :", ":") == " ".join(prompt.split())
    assert (sampler.name, sampler.parameters["cfg_scale"], sampler.parameters["seed"]) == (
        "Janus-Pro",
        "2.5",
        str(2**32 - 1),
    )
    assert [each.value.replace(" :", ":") for each in sampler.negative_prompts] == (
        [" ".join(avoid.split())] if avoid else []
    )
    assert sampler.model
    assert told.metadata["Size"] == "256x256"


def test_files_of_older_versions_are_still_read() -> None:
    info = PngInfo()
    for name, told in {**asdict(MADE), "Software": "janus-bot"}.items():
        if name not in ("steps", "stream", "avoid", "more_avoided"):  # these knew nothing of
            info.add_text(name, str(told))
    expected = replace(MADE, steps=0, stream=1, avoid="", more_avoided=False)
    assert provenance.read(saved(Image.new("RGB", (8, 8)), "PNG", pnginfo=info)) == expected


@pytest.mark.parametrize("limit", [2**20, 30_000], ids=["png", "webp"])
async def test_what_is_written_is_read_back(limit: int) -> None:
    (upload,) = await encode([Finished(NOISE, "x", MADE)], limit)
    assert provenance.read(upload.data) == MADE


@given(st.text(st.characters(codec="utf-8")), st.floats(1, 10), st.floats(0, 2))
def test_any_prompt_is_read_back(prompt: str, guidance: float, temperature: float) -> None:
    made = replace(MADE, prompt=prompt, guidance=guidance, temperature=temperature)
    for options in ({"format": "PNG", "pnginfo": made.png((8, 8))}, {"format": "WEBP", "exif": made.exif((8, 8))}):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, **options)
        assert provenance.read(file.getvalue()) == made


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", png(), bomb(), saved(Image.new("RGB", (8, 8)), "WEBP"), png()[:50]],
    ids=["empty", "no picture", "png", "bomb", "webp", "cut"],
)
def test_a_file_that_tells_nothing_is_no_error(data: bytes) -> None:
    assert provenance.read(data) is None


@pytest.mark.parametrize("value", ["seven", "", "\0", "-1", "9" * 400])
def test_a_file_that_was_tampered_with_tells_nothing(value: str) -> None:
    info = PngInfo()
    for name, told in {**asdict(MADE), "Software": "janus-bot", "seed": value}.items():
        info.add_text(name, str(told))
    assert provenance.read(saved(Image.new("RGB", (8, 8)), "PNG", pnginfo=info)) is None


@pytest.mark.parametrize(
    "description",
    [
        "[" * 50_000,
        '{"prompt":' * 6000,
        '{"seed":1e999}',
        '{"prompt":"' + "x" * 2_000_000 + '"}',
        "9" * 60_000,
        "[]",
        "7",
    ],
    ids=["deep", "deep objects", "infinite", "long", "digits", "list", "number"],
)
def test_a_description_that_exhausts_the_reader_tells_nothing(description: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = "janus-bot"
    exif[ExifTags.Base.ImageDescription] = description
    assert provenance.read(saved(Image.new("RGB", (8, 8)), "WEBP", exif=exif)) is None


def test_what_stands_beside_the_words_in_a_png_may_be_large_or_damaged() -> None:
    data = saved(Image.new("RGB", (8, 8)), "PNG", pnginfo=MADE.png((8, 8)))
    large, broken = chunk(b"tEXt", b"Comment\0" + bytes(3_000_000)), chunk(b"tEXt", b"Comment\0x")[:-1] + b"?"
    assert provenance.read(with_chunks(data, large, broken)) == MADE


def test_a_file_that_tells_only_a_part_tells_nothing() -> None:
    info = PngInfo()
    info.add_text("Software", "janus-bot")
    assert provenance.read(saved(Image.new("RGB", (8, 8)), "PNG", pnginfo=info)) is None


async def test_the_menu_tells_what_made_the_pictures_of_a_gallery(world: World) -> None:
    message = await drawn(world, count=2)
    told = told_privately(await world.bob.context_menu(world.channel, MENU, message))
    assert "a red circle" in told
    for number, seed in [(1, 7), (2, 8)]:
        line = f"Picture {number}: seed {seed} · guidance 5 · temperature 1 · demo · janus-bot {program_version()}"
        assert line in told


async def test_the_menu_reads_a_file_that_somebody_sent_again_elsewhere(world: World) -> None:
    message = await drawn(world, prompt="ein größerer Kreis")
    again = [(f"renamed-{i}.png", await a.read()) for i, a in enumerate(files(message))]
    elsewhere = world.env.create_guild().create_text_channel("elsewhere")
    carol = elsewhere.guild.add_member(world.env.create_user("carol")) if elsewhere.guild else None
    assert carol
    sent = await carol.send(elsewhere, "look", attachments=[("cat.png", png()), again[1]])
    told = told_privately(await carol.context_menu(elsewhere, MENU, sent))
    assert "ein größerer Kreis" in told
    assert "Picture 2: seed 8" in told
    assert "Picture 1" not in told


async def test_pictures_of_older_versions_are_named_once(world: World) -> None:
    made = [replace(MADE, stream=stream) for stream in (1, 2, 1)]
    sent = [(f"{i}.png", saved(NOISE, "PNG", pnginfo=one.png((8, 8)))) for i, one in enumerate(made)]
    message = await world.alice.send(world.channel, "look", attachments=sent)
    told = told_privately(await world.bob.context_menu(world.channel, MENU, message))
    assert told.count("earlier version") == told.count("Drawn by an earlier version: 1, 3.") == 1


async def test_an_enlarged_picture_tells_the_same(world: World) -> None:
    message = await drawn(world, count=1)
    result = shown(await world.alice.click(message, label="Enlarge"))
    large = replace(pictures(world.executor.jobs[0].request), tokens=(), seeds=())  # type: ignore[arg-type]
    world.executor.jobs[-1].tell(large)
    await world.env.settle()
    assert "seed 7" in told_privately(await world.bob.context_menu(world.channel, MENU, result))


@pytest.mark.parametrize(
    ("attachments", "says"),
    [
        ((), "There's no picture"),
        ((("cat.png", png()),), "I didn't draw this"),
        ((("a.txt", b"x"),), "a.txt isn't a picture"),
    ],
)
async def test_the_menu_says_when_it_can_not_tell(
    world: World, attachments: tuple[tuple[str, bytes], ...], says: str
) -> None:
    sent = await world.alice.send(world.channel, "look", attachments=attachments)
    assert says in told_privately(await world.bob.context_menu(world.channel, MENU, sent))
