"""Files that people hand in."""

import io
import struct
import zlib

from PIL import Image


def png(size: tuple[int, int] = (32, 24), colour: str = "red", mode: str = "RGB") -> bytes:
    return saved(Image.new(mode, size, colour), "PNG")


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def animation(kind: str = "GIF") -> bytes:
    """Two frames: red, then blue."""
    red, blue = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    return saved(red, kind, save_all=True, append_images=[blue], duration=100)


def bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A PNG of a few bytes that claims to unpack to gigabytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
