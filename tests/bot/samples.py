"""Files that people hand in."""

import io
import struct
import zlib

from PIL import Image

from model.square import fit


def png(size: tuple[int, int] = (32, 24), colour: str = "red", mode: str = "RGB") -> bytes:
    return saved(Image.new(mode, size, colour), "PNG")


def fitted(size: tuple[int, int] = (32, 24), colour: str = "red") -> Image.Image:
    """What the model takes of such a picture."""
    return fit(Image.new("RGB", size, colour))


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def animation(kind: str = "GIF") -> bytes:
    """Two frames: red, then blue."""
    red, blue = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    return saved(red, kind, save_all=True, append_images=[blue], duration=100)


def chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG, whole."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """A PNG with further chunks behind its header."""
    header = 8 + 25
    return png[:header] + b"".join(chunks) + png[header:]


def grey(depth: int, row: bytes, width: int, *chunks: bytes) -> bytes:
    """A PNG of one row of grey, of any depth."""
    header = struct.pack(">IIBBBBB", width, 1, depth, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" + row))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of a few bytes that claims to unpack to gigabytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
