"""What people hand in: pictures, found on messages, checked by what is declared, then by decoding.

`pictures_on` finds them wherever they stand on a message: Discord lists as a message's attachments only those files
that its layout does not show. `check` looks at what Discord tells (type, bytes, dimensions)
and is free; `fetch` downloads and decodes, off the event loop. Both raise Refusal with a sentence for the member. What
comes out is an upright RGB picture.

Links are read through Discord's own proxy, so the bot never calls on an address that somebody wrote.
"""

import asyncio
import io
import struct
from collections.abc import Awaitable, Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Final, Protocol

import discord
from discord.components import Component
from PIL import ExifTags, Image, UnidentifiedImageError

from bot.config import Limits
from bot.core.errors import NETWORK, Refusal
from bot.core.text import decimal, many, one_line
from bot.media.shown import file_name, media_in
from bot.texts import Texts

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
FORMAT_NAMES: Final = "PNG, JPEG, WebP, GIF, BMP"
ANIMATED: Final = ("PNG", "WEBP", "GIF")  # in a telephone's .jpg (MPO), further frames are no film
MOST_PICTURES: Final = 4  # in one question
UNNAMED: Final = "picture"  # what a picture is called that has no file name
MEGA: Final = 1_000_000
# Pillow's readers have no common error: a damaged file ends in any of these.
DAMAGED: Final = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, struct.error)
ROTATIONS: Final = {  # how a picture becomes upright, by its EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class InputFile(Protocol):
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


Read = Callable[[str], Awaitable[bytes]]
"""Fetches an address of Discord's."""


@dataclass(slots=True)
class Shown:
    """A picture that a message shows in its layout or in the preview of a link."""

    address: str  # Discord's own
    content_type: str | None
    width: int | None
    height: int | None
    spoiler: bool
    download: Read
    filename: str = UNNAMED
    size: int = 0  # unknown until it is read

    def is_spoiler(self) -> bool:
        """Whether it is hidden until somebody presses on it."""
        return self.spoiler

    async def read(self) -> bytes:
        """Download it. Raises one of NETWORK."""
        return await self.download(self.address)


@dataclass(frozen=True, slots=True)
class InputPicture:
    """A picture that was handed in."""

    picture: Image.Image  # RGB, upright
    animated: bool  # there were more frames; this is the first
    name: str
    data: bytes  # the file


def pictures_on(message: discord.Message | discord.MessageSnapshot, download: Read) -> Sequence[InputFile]:
    """Find a message's pictures. If it has none, but files, it is those: `check` says what is wrong with them."""
    files = [file for file in message.attachments if (file.content_type or "image/").startswith("image/")]
    listed = {file.id for file in message.attachments}
    found: list[InputFile] = [*files, *_laid_out(message.components, download, listed)]
    found = found or list(_linked(message.embeds, download))
    if not found and isinstance(message, discord.Message):
        found = [picture for snapshot in message.message_snapshots for picture in pictures_on(snapshot, download)]
    return found or message.attachments


def _laid_out(components: Sequence[Component], download: Read, listed: Set[int]) -> Iterator[Shown]:
    for media, spoiler in media_in(components):
        if media.attachment_id in listed:
            continue
        address, name = media.proxy_url, UNNAMED
        if media.attachment_id:  # a file of the message: its own address gives the original, the proxy maybe a copy
            address, name = media.url, file_name(media)
        if address and (media.content_type or "image/").startswith("image/"):
            yield Shown(address, media.content_type, media.width, media.height, spoiler, download, name)


def _linked(embeds: Sequence[discord.Embed], download: Read) -> Iterator[Shown]:
    for embed in embeds:
        for shown in (embed.image, embed.thumbnail):
            if shown.proxy_url:
                yield Shown(shown.proxy_url, None, shown.width, shown.height, False, download)
                break


def check(attachment: InputFile, limits: Limits, texts: Texts) -> None:
    """Refuse what need not even be downloaded. Raises Refusal."""
    name = one_line(attachment.filename)
    # Discord derives the type from the file's name and may tell none at all: then decoding decides.
    if attachment.content_type and not attachment.content_type.startswith("image/"):
        raise Refusal(texts.not_a_picture.format(name=name, formats=FORMAT_NAMES))
    if attachment.size > limits.picture_bytes:
        raise _too_many_bytes(name, attachment.size, limits, texts)
    if attachment.width and attachment.height:
        _check_pixels(name, attachment.width * attachment.height, limits, texts)


async def fetch(attachment: InputFile, limits: Limits, texts: Texts, decoding: asyncio.Semaphore) -> InputPicture:
    """Download a file, and decode it when `decoding` has room: pixels take memory. Raises Refusal."""
    data = await download(attachment, texts)
    async with decoding:
        return await asyncio.to_thread(decode, data, attachment.filename, limits, texts)


async def download(attachment: InputFile, texts: Texts) -> bytes:
    """Download a file. Raises Refusal."""
    try:
        return await attachment.read()
    except NETWORK as error:
        raise Refusal(texts.not_fetched.format(name=one_line(attachment.filename))) from error


def decode(data: bytes, name: str, limits: Limits, texts: Texts) -> InputPicture:
    """Decode a file to an upright RGB picture: the first frame, transparency on white. Raises Refusal."""
    said = one_line(name)
    if len(data) > limits.picture_bytes:
        raise _too_many_bytes(said, len(data), limits, texts)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check_pixels(said, image.width * image.height, limits, texts)  # before any pixel is unpacked
            animated = image.format in ANIMATED and getattr(image, "is_animated", False)
            return InputPicture(_flatten(_upright(image)), animated, name, data)
    except UnidentifiedImageError:
        raise Refusal(texts.unreadable_format.format(name=said, formats=FORMAT_NAMES)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(said, limits, texts) from None
    except DAMAGED as error:
        raise Refusal(texts.broken_picture.format(name=said)) from error


def _check_pixels(name: str, pixels: int, limits: Limits, texts: Texts) -> None:
    if pixels > limits.picture_pixels:
        raise _too_many_pixels(name, limits, texts)


def _too_many_pixels(name: str, limits: Limits, texts: Texts) -> Refusal:
    return Refusal(texts.too_many_pixels.format(name=name, limit=many(limits.picture_pixels, texts)))


def _too_many_bytes(name: str, size: int, limits: Limits, texts: Texts) -> Refusal:
    return Refusal(
        texts.too_many_bytes.format(
            name=name, size=_megabytes(size, texts), limit=_megabytes(limits.picture_bytes, texts)
        )
    )


def _megabytes(size: int, texts: Texts) -> str:
    return decimal(size / MEGA, texts, 1)


def _upright(image: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF says. Damaged EXIF says nothing: the picture may still be whole."""
    image.load()
    try:
        rotation = ROTATIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except DAMAGED:
        return image
    return image if rotation is None else image.transpose(rotation)


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
