"""What people hand in: pictures, checked by what is declared, then by decoding.

`check` looks at what Discord tells (type, bytes, dimensions) and is free; `fetch` downloads and decodes, off the
event loop. Both raise Refusal with a sentence for the member. What comes out is an upright RGB picture.
"""

import asyncio
import io
import struct
from dataclasses import dataclass
from typing import Final, Protocol

from PIL import ExifTags, Image, UnidentifiedImageError

from bot.config import Limits
from bot.core.errors import NETWORK, Refusal
from bot.texts import Texts

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
FORMAT_NAMES: Final = "PNG, JPEG, WebP, GIF, BMP"
ANIMATED: Final = ("PNG", "WEBP", "GIF")  # in a telephone's .jpg (MPO), further frames are no film
MOST_CHARACTERS: Final = 4000  # a slash option holds 6000, but a form that shall show it again holds 4000
MOST_PICTURES: Final = 4  # in one question
MEGA: Final = 1_000_000
# Pillow's readers have no common error: a damaged file ends in any of these.
DAMAGED: Final = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, struct.error)
TURNS: Final = {  # how a picture becomes upright, by its EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class HandedIn(Protocol):
    """A file as it was handed in: a `discord.Attachment`, or a picture that a message shows."""

    filename: str
    content_type: str | None
    size: int  # bytes; 0 if that is not known
    width: int | None
    height: int | None

    def is_spoiler(self) -> bool:
        """Whether it is hidden until somebody presses on it."""
        ...

    async def read(self) -> bytes:
        """Download it. Raises one of NETWORK."""
        ...


@dataclass(frozen=True, slots=True)
class Intake:
    """A picture that was handed in."""

    picture: Image.Image  # RGB, upright
    animated: bool  # there were more frames; this is the first
    name: str
    data: bytes  # the file


def check_words(words: str, empty: str, limits: Limits, texts: Texts) -> None:
    """Refuse a prompt or question of no words, with the sentence `empty`, or of too many. Raises Refusal."""
    if not words.strip():
        raise Refusal(empty)
    if len(words) > limits.prompt_characters:
        raise Refusal(texts.too_long.format(size=len(words), limit=limits.prompt_characters))


def check(attachment: HandedIn, limits: Limits, texts: Texts) -> None:
    """Refuse what need not even be downloaded. Raises Refusal."""
    name = attachment.filename
    # Discord derives the type from the file's name and may tell none at all: then decoding decides.
    if attachment.content_type and not attachment.content_type.startswith("image/"):
        raise Refusal(texts.not_a_picture.format(name=name, formats=FORMAT_NAMES))
    if attachment.size > limits.picture_bytes:
        raise _too_many_bytes(name, attachment.size, limits, texts)
    if attachment.width and attachment.height:
        _check_pixels(name, attachment.width * attachment.height, limits, texts)


async def fetch(attachment: HandedIn, limits: Limits, texts: Texts, decoding: asyncio.Semaphore) -> Intake:
    """Download a file, and decode it when `decoding` has room: pixels take memory. Raises Refusal."""
    data = await download(attachment, texts)
    async with decoding:
        return await asyncio.to_thread(decode, data, attachment.filename, limits, texts)


async def download(attachment: HandedIn, texts: Texts) -> bytes:
    """Download a file. Raises Refusal."""
    try:
        return await attachment.read()
    except NETWORK as error:
        raise Refusal(texts.not_fetched.format(name=attachment.filename)) from error


def decode(data: bytes, name: str, limits: Limits, texts: Texts) -> Intake:
    """Decode a file to an upright RGB picture: the first frame, transparency on white. Raises Refusal."""
    if len(data) > limits.picture_bytes:
        raise _too_many_bytes(name, len(data), limits, texts)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_pixels(name, image.width * image.height, limits, texts)  # before any pixel is unpacked
            animated = image.format in ANIMATED and getattr(image, "is_animated", False)
            return Intake(_flatten(_upright(image)), animated, name, data)
    except UnidentifiedImageError:
        raise Refusal(texts.unreadable_format.format(name=name, formats=FORMAT_NAMES)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(name, limits, texts) from None
    except DAMAGED as error:
        raise Refusal(texts.broken_picture.format(name=name)) from error


def _check_pixels(name: str, pixels: int, limits: Limits, texts: Texts) -> None:
    if pixels > limits.picture_pixels:
        raise _too_many_pixels(name, limits, texts)


def _too_many_pixels(name: str, limits: Limits, texts: Texts) -> Refusal:
    return Refusal(texts.too_many_pixels.format(name=name, limit=limits.picture_pixels / MEGA))


def _too_many_bytes(name: str, size: int, limits: Limits, texts: Texts) -> Refusal:
    return Refusal(texts.too_many_bytes.format(name=name, size=size / MEGA, limit=limits.picture_bytes / MEGA))


def _upright(image: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF says. Damaged EXIF says nothing: the picture may still be whole."""
    image.load()
    try:
        turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except DAMAGED:
        return image
    return image if turn is None else image.transpose(turn)


def _flatten(image: Image.Image) -> Image.Image:
    """Bring any mode to RGB: 16 bits scaled to 8, transparency on white."""
    if image.mode.startswith("I"):  # 16-bit grey; convert() alone would clip everything above 255 to white
        see_through = image.info.pop("transparency", None)
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
        if see_through is not None:
            image.info["transparency"] = see_through // 256
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")
