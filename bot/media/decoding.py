"""Files of pictures made into pixels, off the event loop: whatever a browser shows, and nothing that bursts.

The whole picture lives in `look` alone. What goes on from there is what the model takes of it and what its message
shows, half a megabyte together: a question may wait for long, and many may wait at once.
"""

import io
import struct
import zlib
from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from PIL import ExifTags, Image, UnidentifiedImageError, features

from bot.config import Limits
from bot.core.errors import Refusal
from bot.core.text import decimal, many, one_line, well_formed
from bot.texts import Texts
from model.square import fit

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", *(["AVIF"] if features.check("avif") else []))
FORMAT_NAMES: Final = ", ".join(("PNG", "JPEG", "WebP", "GIF", "BMP", *FORMATS[5:]))
ANIMATED: Final = ("WEBP", "GIF", "AVIF")  # in a telephone's .jpg (MPO), further frames are no film
MEGA: Final = 1_000_000
BAND: Final = 2**20  # pixels that are brought to RGB at a time
# Pillow's readers have no common error: a damaged file ends in any of these.
DAMAGED: Final = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    struct.error,
)
ROTATIONS: Final = {  # how a picture becomes upright, by its EXIF orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
HIGH_BYTE: Final = [value >> 8 for value in range(2**16)]
PNG: Final = b"\x89PNG\r\n\x1a\n"
READ: Final = frozenset({b"acTL", b"eXIf", b"tRNS"})  # of what a PNG may have besides its pixels
REMARK: Final = 2**16  # bytes: what is longer in a PNG is not read
SMALL_SIDE: Final = 512  # pixels, of the copy that a message shows
SMALL_QUALITY: Final = 80

# In blocks of this size a large picture's memory goes back to the system with it. In those of Pillow's own choice, 16
# MiB, it stays with the C library: 350 MB for each thread that ever decoded 40 megapixels.
Image.core.set_block_size(64 * 2**20)  # type: ignore[attr-defined]  # it is documented by this name


@dataclass(frozen=True, slots=True)
class InputPicture:
    """A picture that was handed in."""

    picture: Image.Image  # RGB, upright
    animated: bool  # there were more frames; this is the first


@dataclass(frozen=True, slots=True)
class Seen:
    """What is left of a picture that was handed in."""

    name: str  # of the file
    square: Image.Image  # RGB, exactly what the model takes
    small: bytes  # a WebP of the picture's own shape, which the question's message shows
    animated: bool = False

    def png(self) -> bytes:
        """Return the square as a file that loses nothing."""
        file = io.BytesIO()
        self.square.save(file, "PNG")
        return file.getvalue()


def look(data: bytes, name: str, limits: Limits, texts: Texts) -> Seen:
    """Decode a file, and keep of it what a question needs. Raises Refusal."""
    taken = decode(data, name, limits, texts)
    return Seen(well_formed(name), fit(taken.picture), small_copy(taken.picture), taken.animated)


def small_copy(picture: Image.Image, side: int = SMALL_SIDE, quality: int = SMALL_QUALITY) -> bytes:
    """Encode a small copy of a picture as WebP, `side` pixels at most on each side, and one at least."""
    longest = max(picture.size)
    if longest > side:
        width, height = (max(1, round(length / longest * side)) for length in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality)
    return file.getvalue()


def decode(data: bytes, name: str, limits: Limits, texts: Texts) -> InputPicture:
    """Decode a file to an upright RGB picture: the first frame, transparency on white. Raises Refusal."""
    said = one_line(name)
    if len(data) > limits.picture_bytes:
        raise too_many_bytes(said, len(data), limits, texts)
    try:
        pixels, moves = essential(data)
        with Image.open(io.BytesIO(pixels), formats=FORMATS) as image:
            check_pixels(said, image.width * image.height, limits, texts)  # before any pixel is unpacked
            animated = moves or (image.format in ANIMATED and getattr(image, "is_animated", False))
            return InputPicture(_flatten(_upright(image)), animated)
    except UnidentifiedImageError:
        raise Refusal(texts.unreadable_format.format(name=said, formats=FORMAT_NAMES)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(said, limits, texts) from None
    except DAMAGED as error:
        raise Refusal(texts.broken_picture.format(name=said)) from error


def check_pixels(name: str, pixels: int, limits: Limits, texts: Texts) -> None:
    """Refuse pictures of too many pixels. Raises Refusal."""
    if pixels > limits.picture_pixels:
        raise _too_many_pixels(name, limits, texts)


def _too_many_pixels(name: str, limits: Limits, texts: Texts) -> Refusal:
    return Refusal(texts.too_many_pixels.format(name=name, limit=many(limits.picture_pixels, texts)))


def too_many_bytes(name: str, size: int, limits: Limits, texts: Texts) -> Refusal:
    """Make the refusal of a file that is too large."""
    written = {"size": decimal(size / MEGA, texts, 1), "limit": decimal(limits.picture_bytes / MEGA, texts, 1)}
    return Refusal(texts.too_many_bytes.format(name=name, **written))


def essential(data: bytes, remarks: Set[bytes] = frozenset()) -> tuple[bytes, bool]:
    """Leave out of a PNG what is no pixel: Pillow refuses whole pictures for the size or the damage of a remark.

    Of the chunks that may be missing, those stay that tell which way is up and what one sees through, and those that
    `remarks` names, if they are whole. Returns the file, and whether it is an animation: its first picture stays.
    """
    if not data.startswith(PNG):
        return data, False
    kept, at, depth, colour, frames = [PNG], len(PNG), 0, 0, 0
    while at + 8 <= len(data):
        kind, end = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4], "big")
        body = data[at + 8 : end - 4] if end - at <= REMARK else b""
        if kind == b"IHDR" and len(body) == 13:
            depth, colour = body[8:10]
        if kind[0] & 0x20 == 0:  # its pixels can't do without it
            kept.append(data[at:end])
        elif kind in READ | remarks and body and zlib.crc32(kind + body) == int.from_bytes(data[end - 4 : end], "big"):
            if kind == b"acTL":
                frames = int.from_bytes(body[:4], "big")
            elif kind != b"tRNS":
                kept.append(data[at:end])
            elif colour == 3 or len(body) == {0: 2, 2: 6}.get(colour):
                kept.append(_chunk(kind, _scaled(body, depth) if colour == 0 else body))
        at = end
    return b"".join(kept), frames > 1


def _scaled(value: bytes, depth: int) -> bytes:
    """Bring the transparent value of 2 or 4 bits to the 8 bits in which Pillow unpacks them."""
    scale = {2: 85, 4: 17}.get(depth)
    return value if scale is None else ((int.from_bytes(value, "big") & (2**depth - 1)) * scale).to_bytes(2, "big")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _upright(image: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF says. Damaged EXIF says nothing: the picture may still be whole."""
    image.load()
    try:
        rotation = ROTATIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except DAMAGED:
        return image
    return image if rotation is None else image.transpose(rotation)


def _flatten(image: Image.Image) -> Image.Image:
    """Bring any mode to RGB, a band at a time: what lies between takes several times the memory of what comes out."""
    if image.mode == "RGB" and not image.has_transparency_data:
        image.info.clear()  # a profile may be larger than the picture
        return image
    flat = Image.new("RGB", image.size)
    rows = max(1, BAND // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        flat.paste(_flat(image.crop(box)), box)
    return flat


def _flat(band: Image.Image) -> Image.Image:
    """Bring pixels to RGB: 16 bits scaled to 8, transparency on white."""
    if band.mode.startswith("I"):  # 16-bit grey; convert() alone would clip everything above 255 to white
        grey, see_through = band.convert("I"), band.info.get("transparency")
        flat = grey.point(HIGH_BYTE, "L")
        if see_through is not None:  # one value of 65,536, and not its neighbours that look the same in 8 bits
            flat.paste(255, mask=grey.point([255 if value == see_through else 0 for value in range(2**16)], "L"))
        return flat.convert("RGB")
    if band.has_transparency_data:
        band = band.convert("RGBA")
        white = Image.new("RGBA", band.size, "white")
        return Image.alpha_composite(white, band).convert("RGB")
    return band.convert("RGB")
