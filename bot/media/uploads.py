"""Pictures on their way to Discord: encoded off the event loop, inside the limit on a file's size."""

import asyncio
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final, Self

import discord
from PIL import Image

from bot.media.decoding import small_copy
from bot.media.provenance import Provenance

REQUEST_BYTES: Final = 24 * 2**20  # Discord takes 25 MiB a request; the rest is for the text around the files
PNG_LEVEL: Final = 2  # of zlib: twice as fast as the usual 6, for files a tenth larger
WEBP_QUALITIES: Final = (92, 80, 60, 30)
SMALLEST_FILE: Final = 16 * 1024  # bytes: below that a picture is no longer worth sending, but fewer at a time may go
SMALLEST_SIDE: Final = 64  # pixels: below that a picture is no longer worth sending
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


@dataclass(frozen=True, slots=True)
class Finished:
    """A picture to send, under a name without suffix; `provenance` goes into the file."""

    picture: Image.Image
    name: str
    provenance: Provenance | None = None
    alt: str | None = None


class TooLargeError(Exception):
    """No encoding is small enough."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much Discord takes, in bytes."""

    file: int
    message: int  # all its files together

    @classmethod
    def of(cls, file: int) -> Self:
        """Return the room where a file may be so large."""
        return cls(min(file, REQUEST_BYTES), REQUEST_BYTES)

    def below(self, files: Sequence[Upload]) -> "Room":
        """Return less than these files took, which was too much: the largest of them, and all together.

        Raises TooLargeError if there is nothing left to take away.
        """
        sizes = [len(file.data) for file in files]
        largest = max(sizes, default=0)
        if len(sizes) <= 1 and largest <= SMALLEST_FILE:
            raise TooLargeError(f"a file of {largest} bytes is too large")
        return Room(max(min(self.file, largest * 2 // 3), SMALLEST_FILE), sum(sizes) * 2 // 3)


async def encode(pictures: Sequence[Finished], limit: int, threads: Executor | None = None) -> tuple[Upload, ...]:
    """Encode pictures as PNG, or as WebP where a file would be larger than `limit` bytes, and smaller if it must be.

    `threads`: those that do it; None for the event loop's, which others need, too. Raises TooLargeError.
    """
    return await asyncio.get_running_loop().run_in_executor(
        threads, lambda: tuple(_fit(picture, limit) for picture in pictures)
    )


def _fit(finished: Finished, limit: int) -> Upload:
    picture, provenance, alt = finished.picture, finished.provenance, finished.alt
    png = _saved(picture, "PNG", compress_level=PNG_LEVEL, pnginfo=provenance.png(picture.size) if provenance else None)
    if len(png) <= limit:
        return Upload(f"{finished.name}.png", png, alt)
    exif = {"exif": provenance.exif(picture.size)} if provenance else {}
    while min(picture.size) >= SMALLEST_SIDE:
        for quality in WEBP_QUALITIES:
            webp = _saved(picture, "WEBP", quality=quality, **exif)
            if len(webp) <= limit:
                return Upload(f"{finished.name}.webp", webp, alt)
        picture = picture.reduce(2)
    size = finished.picture.size
    raise TooLargeError(f"{size[0]} x {size[1]} pixels do not fit into {limit} bytes")


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def batches(files: Sequence[Upload], most: int) -> Iterator[Sequence[Upload]]:
    """Split files into as few messages as take them, in their order, with `most` bytes in one or a single file."""
    batch: list[Upload] = []
    for file in files:
        if batch and sum(len(other.data) for other in batch) + len(file.data) > most:
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


async def sketches(
    pictures: Sequence[Image.Image], names: Sequence[str], threads: Executor | None = None
) -> tuple[Upload, ...]:
    """Encode pictures on their way as files of a few kilobytes, so that they are sent in no time."""
    return await asyncio.get_running_loop().run_in_executor(
        threads,
        lambda: tuple(
            Upload(f"{name}.webp", small_copy(picture, SKETCH_SIDE, SKETCH_QUALITY))
            for picture, name in zip(pictures, names, strict=True)
        ),
    )
