"""Where a picture comes from, written into its file: what it takes to draw it again."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Self

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from bot.media.decoding import DAMAGED, FORMATS, essential
from model.requests import SEEDS, Drawing

SOFTWARE: Final = "janus-bot"
REMARKS: Final = frozenset({b"tEXt", b"iTXt"})  # the chunks of a PNG that hold text
MOST_DESCRIBED: Final = 2**16  # characters of an EXIF description: ours has a prompt of 4000 at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What drew a picture. In a PNG each field is a text chunk of its name (iTXt where Latin-1 has no such letters);
    in a WebP all of them are one JSON object in the EXIF description.
    """

    prompt: str
    seed: int  # of this picture alone
    guidance: float
    temperature: float
    model: str
    version: str  # of this program
    kept: int = 0  # image tokens that came from an earlier picture, where this is a variation

    @classmethod
    def of(cls, drawing: Drawing, seed: int, model: str) -> Self:
        """Say where one picture of a drawing comes from."""
        return cls(
            prompt=drawing.prompt,
            seed=seed,
            guidance=drawing.guidance,
            temperature=drawing.temperature,
            model=model,
            version=program_version(),
            kept=len(drawing.kept),
        )

    def png(self) -> PngInfo:
        """Return the text chunks of a PNG."""
        chunks = PngInfo()
        for name, value in {"Software": SOFTWARE, **asdict(self)}.items():
            chunks.add_text(name, str(value))
        return chunks

    def exif(self) -> Image.Exif:
        """Return the EXIF of a WebP."""
        exif = Image.Exif()
        exif[ExifTags.Base.Software] = SOFTWARE
        exif[ExifTags.Base.ImageDescription] = json.dumps(asdict(self))  # all ASCII, as EXIF wants it
        return exif


@cache
def program_version() -> str:
    """Return this program's version."""
    try:
        return version(SOFTWARE)
    except PackageNotFoundError:  # run from a folder where nothing is installed
        return "0"


def read(data: bytes) -> Provenance | None:
    """Return what a file says about where its picture comes from; None if it was not drawn by this program.

    Anybody may write anything there.
    """
    try:
        with Image.open(io.BytesIO(essential(data, REMARKS)[0]), formats=FORMATS) as image:
            told: Mapping[Any, Any] = image.info
            if image.format != "PNG":
                exif = image.getexif()
                described = exif.get(ExifTags.Base.ImageDescription, "{}")
                if len(described) > MOST_DESCRIBED:
                    return None
                told = {**json.loads(described), "Software": exif.get(ExifTags.Base.Software)}
        if told.get("Software") != SOFTWARE:
            return None
        made = Provenance(**{field.name: field.type(told[field.name]) for field in fields(Provenance)})  # type: ignore[operator]
        return made if 0 <= made.seed < SEEDS else None
    except (*DAMAGED, AttributeError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
