import random

import pytest
from PIL import Image

from bot.config import Limits
from bot.core.errors import Refusal
from bot.media.inputs import decode
from bot.texts import ENGLISH
from tests.bot.samples import animation, bomb, png, saved

LIMITS = Limits()
Pixel = tuple[int, int, int]


def pixel(data: bytes, at: tuple[int, int] = (0, 0)) -> Pixel:
    picture = decode(data, "x", LIMITS, ENGLISH).picture
    assert picture.mode == "RGB"
    colour = picture.getpixel(at)
    assert isinstance(colour, tuple)
    red, green, blue = colour
    return int(red), int(green), int(blue)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF"])
def test_exact_formats_keep_every_pixel(kind: str) -> None:
    assert pixel(saved(Image.new("RGB", (9, 7), (255, 0, 0)), kind)) == (255, 0, 0)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_are_read(kind: str) -> None:
    red, green, blue = pixel(saved(Image.new("RGB", (9, 7), (255, 0, 0)), kind))
    assert red > 240
    assert green < 15
    assert blue < 15


def test_a_telephone_picture_is_turned_upright() -> None:
    image = Image.new("RGB", (40, 20), "white")
    image.paste((0, 0, 0), (0, 0, 20, 20))  # the left half is black
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is at the right of the file
    picture = decode(saved(image, "PNG", exif=exif), "x", LIMITS, ENGLISH).picture
    assert picture.size == (20, 40)
    assert picture.getpixel((10, 5)) == (0, 0, 0)
    assert picture.getpixel((10, 35)) == (255, 255, 255)


def test_transparency_becomes_white() -> None:
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert pixel(saved(half, "PNG")) == (255, 255, 255)
    half.putpixel((0, 0), (0, 0, 0, 128))
    assert pixel(saved(half, "PNG")) == (127, 127, 127)
    assert pixel(saved(Image.new("LA", (4, 4), (9, 0)), "PNG")) == (255, 255, 255)


def test_a_palette_with_a_transparent_entry_becomes_white() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    assert pixel(saved(image, "PNG")) == (40, 50, 60)
    assert pixel(saved(image, "PNG", transparency=1)) == (255, 255, 255)


def test_cmyk_is_converted() -> None:
    red, green, blue = pixel(saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG"))
    assert red > 200
    assert green < 60
    assert blue < 60


def test_sixteen_bits_with_a_transparent_value_become_white_there() -> None:
    image = Image.new("I;16", (4, 4), 0x8000)
    image.putpixel((0, 0), 0x1234)
    data = saved(image, "PNG", transparency=0x1234)
    assert pixel(data) == (255, 255, 255)
    assert pixel(data, (1, 1)) == (128, 128, 128)


def test_sixteen_bits_are_scaled_rather_than_clipped() -> None:
    assert pixel(saved(Image.new("I;16", (4, 4), 0x8000), "PNG")) == (128, 128, 128)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    taken = decode(animation(kind), "x", LIMITS, ENGLISH)
    assert taken.animated
    red, _, blue = pixel(animation(kind))
    assert red > 240
    assert blue < 15


def test_the_second_picture_of_a_telephone_file_is_no_animation() -> None:
    image = Image.new("RGB", (16, 16), "red")
    data = saved(image, "MPO", save_all=True, append_images=[image])
    assert not decode(data, "x", LIMITS, ENGLISH).animated


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"%PDF-1.4 this is no picture", "I can't read x"),
        (b"", "I can't read x"),
        (png((200, 200))[:-60], "x is damaged"),
        (png((200, 200))[:40], "I can't read x"),
        (saved(Image.effect_noise((64, 64), 50), "JPEG")[:-400], "x is damaged"),
        (bomb(), "x has too many pixels"),
        (bomb(10_000, 10_000), "x has too many pixels"),
        (bomb(8000, 8000), "x has too many pixels"),
        (png() + b"\0" * LIMITS.picture_bytes, "x is too large"),
    ],
    ids=["pdf", "empty", "truncated", "header only", "half a jpeg", "bomb", "smaller bomb", "over the limit", "bytes"],
)
def test_what_is_no_picture_is_refused_in_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(Refusal, match=says):
        decode(data, "x", LIMITS, ENGLISH)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_exif_costs_only_the_turn() -> None:
    image = Image.new("RGB", (40, 20), "red")
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x01\x1a\0\x05\xff\xff"
    for length in range(6, len(exif) + 1):
        for kind in ("JPEG", "PNG", "WEBP"):
            picture = decode(saved(image, kind, exif=exif[:length]), "x", LIMITS, ENGLISH).picture
            assert sorted(picture.size) == [20, 40]


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_every_mutation_of_a_picture_is_read_or_refused() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    noise, chance = Image.effect_noise((16, 16), 60).convert("RGB"), random.Random(0)
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP"):
        data = saved(noise, kind, **({} if kind in ("GIF", "BMP") else {"exif": exif}))
        for _ in range(150):
            mutant = bytearray(data)
            for _ in range(3):
                mutant[chance.randrange(min(len(data), 250))] = chance.randrange(256)
            try:
                decode(bytes(mutant), "x", LIMITS, ENGLISH)
            except Refusal:
                continue


def test_every_truncation_of_a_picture_is_read_or_refused() -> None:
    noise = Image.effect_noise((32, 32), 60).convert("RGB")
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP"):
        data = saved(noise, kind)
        for length in range(0, len(data), max(1, len(data) // 40)):
            try:
                decode(data[:length], "x", LIMITS, ENGLISH)
            except Refusal:
                continue
