import io
import struct
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, features

from bot.config import Limits
from bot.core.errors import Refusal
from bot.media import decoding, provenance
from bot.media.decoding import FORMAT_NAMES, FORMATS, decode, look
from bot.texts import ENGLISH
from model.square import fit
from tests.bot.samples import animation, bomb, chunk, grey, png, saved, with_chunks
from tests.fuzz import made_up

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


def test_of_sixteen_bits_one_value_is_transparent_and_not_its_neighbours() -> None:
    row = struct.pack(">3H", 0x1234, 0x1235, 0x8000)
    data = grey(16, row, 3, chunk(b"tRNS", struct.pack(">H", 0x1234)))
    assert [pixel(data, (x, 0))[0] for x in range(3)] == [255, 0x12, 0x80]


@pytest.mark.parametrize(("depth", "row"), [(2, b"\x1b"), (4, b"\x01\x23")])
def test_transparency_counts_in_the_file_s_own_bits(depth: int, row: bytes) -> None:
    data = grey(depth, row, 4, chunk(b"tRNS", b"\0\x01"))
    scale = 255 // (2**depth - 1)
    assert [pixel(data, (x, 0))[0] for x in range(4)] == [0, 255, 2 * scale, 3 * scale]


# -- what stands around the pixels ------------------------------------------------------------------------------------

EXIF_TURN = chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")


def damaged(piece: bytes) -> bytes:
    return piece[:-1] + bytes([piece[-1] ^ 1])


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(70_000_000))),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(3_000_000))),
        chunk(b"iCCP", b"profile\0\0no zlib at all"),
        chunk(b"pHYs", b"\0"),
        damaged(chunk(b"tEXt", b"Comment\0hello")),
        damaged(chunk(b"tRNS", b"\0\0\0\0\0\0")),
        chunk(b"tRNS", b"\0"),
        damaged(EXIF_TURN),
        chunk(b"prIV", bytes(100)) * 1000,
    ],
    ids=["text", "packed text", "profile", "no profile", "short", "sum", "transparency", "cut", "turn", "private"],
)
def test_what_a_browser_overlooks_costs_no_picture(extra: bytes) -> None:
    whole = png((30, 20))
    taken = decode(with_chunks(whole, extra), "x", LIMITS, ENGLISH)
    assert taken == decode(whole, "x", LIMITS, ENGLISH)


def test_what_tells_which_way_is_up_is_read() -> None:
    assert decode(with_chunks(png((30, 20)), EXIF_TURN), "x", LIMITS, ENGLISH).picture.size == (20, 30)


def test_damaged_pixels_are_no_picture() -> None:
    whole = png((30, 20))
    at = whole.index(b"IDAT") + 8
    with pytest.raises(Refusal, match="x is damaged"):
        decode(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :], "x", LIMITS, ENGLISH)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_avif_is_read_where_pillow_reads_it() -> None:
    red, green, blue = pixel(saved(Image.new("RGB", (30, 20), (255, 0, 0)), "AVIF"))
    assert (red > 240, green < 15, blue < 15) == (True, True, True)
    assert "AVIF" in FORMAT_NAMES


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "CMYK", "L", "1"])
def test_a_picture_of_many_bands_is_as_one_of_one(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = Image.effect_noise((37, 41), 90)
    picture = Image.merge("RGBA", [noise, noise.rotate(90), noise.rotate(180), noise.rotate(270)]).convert(mode)
    data = saved(picture, "JPEG" if mode == "CMYK" else "PNG")
    whole = decode(data, "x", LIMITS, ENGLISH)
    monkeypatch.setattr(decoding, "BAND", 100)
    assert decode(data, "x", LIMITS, ENGLISH) == whole


# -- what is kept of it -----------------------------------------------------------------------------------------------


def test_what_is_kept_is_what_the_model_takes_and_a_small_copy() -> None:
    picture = Image.effect_noise((900, 700), 60).convert("RGB")
    seen = look(saved(picture, "PNG"), "x", LIMITS, ENGLISH)
    assert seen.square == fit(picture)
    with Image.open(io.BytesIO(seen.small)) as small:
        assert small.size == (512, 398)
    again = look(seen.png(), "x", LIMITS, ENGLISH)
    assert again.square == seen.square
    assert len(seen.png()) < 450_000


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (30_000, 1), (4000, 3)])
def test_thin_pictures_are_looked_at(size: tuple[int, int]) -> None:
    seen = look(png(size), "x", LIMITS, ENGLISH)
    assert seen.square == fit(Image.new("RGB", size, "red"))
    with Image.open(io.BytesIO(seen.small)) as small:
        assert max(small.size) <= 512


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


def originals() -> list[bytes]:
    """A small file of every format, with what may stand around its pixels."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.ImageDescription] = "a description"
    noise = Image.effect_noise((16, 16), 60).convert("RGB")
    plain = [saved(noise, kind, exif=exif) for kind in FORMATS if kind not in ("GIF", "BMP")]
    more = [
        with_chunks(plain[0], chunk(b"acTL", b"\0\0\0\x02\0\0\0\0"), chunk(b"tRNS", bytes(6)), chunk(b"iCCP", b"x"))
    ]
    moving = [animation(kind) for kind in ("GIF", "WEBP", "PNG")]
    return [*plain, *more, *moving, saved(noise, "GIF"), saved(noise, "BMP"), saved(noise.convert("P"), "PNG")]


ORIGINALS = originals()


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """A file that was a picture once: bytes of it changed, cut out or put in, most of them where its structure is."""
    data = bytearray(draw(st.sampled_from(ORIGINALS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, min(len(data), 400)) | st.integers(0, len(data)))
        piece = draw(st.binary(max_size=8) | st.sampled_from([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"]))
        data[at : at + draw(st.sampled_from([0, len(piece), 50, len(data)]))] = piece
    return bytes(data)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@given(mutants() | st.binary(max_size=300))
@made_up
def test_whatever_is_made_up_is_read_or_refused(data: bytes) -> None:
    with suppress(Refusal):
        look(data, "x", LIMITS, ENGLISH)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@given(mutants())
@made_up
def test_whatever_is_made_up_tells_where_it_comes_from_or_nothing(data: bytes) -> None:
    provenance.read(data)


def test_every_truncation_of_a_picture_is_read_or_refused() -> None:
    noise = Image.effect_noise((32, 32), 60).convert("RGB")
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP"):
        data = saved(noise, kind)
        for length in range(0, len(data), max(1, len(data) // 40)):
            try:
                decode(data[:length], "x", LIMITS, ENGLISH)
            except Refusal:
                continue
