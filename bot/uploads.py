"""Pictures on their way to Discord: encoded off the event loop, inside the limit on a file's size."""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import discord
from PIL import Image, ImageOps

REQUEST_BYTES: Final = 24 * 2**20  # Discord takes 25 MiB a request; the rest is for the text around the files
PNG_LEVEL: Final = 2  # of zlib: twice as fast as the usual 6, for files a tenth larger
WEBP_QUALITIES: Final = (92, 80, 60, 30)
SKETCH_SIDE: Final = 256
SKETCH_QUALITY: Final = 60


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send. Kept as bytes, because discord.py uses a `discord.File` up."""

    name: str
    data: bytes
    alt: str | None = None

    def file(self) -> discord.File:
        """Return a fresh file to send."""
        return discord.File(io.BytesIO(self.data), self.name, description=self.alt)


class TooLargeError(Exception):
    """No encoding is small enough."""


async def encode(pictures: Sequence[Image.Image], names: Sequence[str], alt: str, limit: int) -> tuple[Upload, ...]:
    """Encode pictures as PNG, or as WebP where a file would be larger than `limit` bytes.

    Names are without their suffix. Raises TooLargeError.
    """
    return await asyncio.to_thread(_encode, pictures, names, alt, limit)


def _encode(pictures: Sequence[Image.Image], names: Sequence[str], alt: str, limit: int) -> tuple[Upload, ...]:
    share = min(limit, REQUEST_BYTES // len(pictures))
    return tuple(_fit(picture, name, alt, share) for picture, name in zip(pictures, names, strict=True))


def _fit(picture: Image.Image, name: str, alt: str, limit: int) -> Upload:
    png = io.BytesIO()
    picture.save(png, "PNG", compress_level=PNG_LEVEL)
    if png.tell() <= limit:
        return Upload(f"{name}.png", png.getvalue(), alt)
    for quality in WEBP_QUALITIES:
        webp = io.BytesIO()
        picture.save(webp, "WEBP", quality=quality)
        if webp.tell() <= limit:
            return Upload(f"{name}.webp", webp.getvalue(), alt)
    raise TooLargeError(f"{picture.width} x {picture.height} pixels do not fit into {limit} bytes")


def thumbnail(picture: Image.Image, name: str, alt: str, side: int = 512, quality: int = 80) -> Upload:
    """Encode a small copy of a picture, `side` pixels at most on each side."""
    small = ImageOps.contain(picture, (side, side)) if max(picture.size) > side else picture
    webp = io.BytesIO()
    small.save(webp, "WEBP", quality=quality)
    return Upload(f"{name}.webp", webp.getvalue(), alt)


async def sketches(pictures: Sequence[Image.Image], names: Sequence[str], alt: str) -> tuple[Upload, ...]:
    """Encode pictures on their way as files of a few kilobytes, so that they are sent in no time."""
    return await asyncio.to_thread(
        lambda: tuple(
            thumbnail(picture, name, alt, SKETCH_SIDE, SKETCH_QUALITY)
            for picture, name in zip(pictures, names, strict=True)
        )
    )
