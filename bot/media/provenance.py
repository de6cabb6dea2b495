"""Where a picture comes from, written into its file: what it takes to draw it again."""

import io
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Self

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from bot.media.decoding import DAMAGED, FORMATS, essential
from model.requests import SEEDS, STREAM, Drawing

SOFTWARE: Final = "janus-bot"
PARAMETERS: Final = "parameters"  # what AUTOMATIC1111's program writes, and every reader of such files knows
SAMPLER: Final = "Janus-Pro"
COMMENT_OF_BYTES: Final = b"\x92\x86\x00\x01"  # the number of an EXIF comment, and the type of its value
COMMENT_UNDEFINED: Final = b"\x92\x86\x00\x07"
UNICODE: Final = b"UNICODE\0"  # how an EXIF comment says in which letters it is written
REMARKS: Final = frozenset({b"tEXt", b"iTXt"})  # the chunks of a PNG that hold text
NEGATIVE: Final = "Negative prompt:"  # what begins the part of what to avoid
MOST_DESCRIBED: Final = 2**16  # characters of an EXIF description: ours has two texts of 4000 at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What drew a picture: one JSON object, in a PNG under the name of this program, in a WebP as the EXIF description.

    Beside it stands the same as AUTOMATIC1111's program writes it, for the readers that people have for such files.
    (Older versions wrote each field as a text chunk of its name; but `prompt` means something else to ComfyUI.)
    """

    prompt: str
    seed: int  # of this picture alone
    guidance: float
    temperature: float
    model: str
    version: str  # of this program
    kept: int = 0  # image tokens that came from an earlier picture, where this is a variation
    steps: int = 0  # image tokens in all; 0 in files of older versions, which do not say
    avoid: str = ""  # what its member wanted not to be there
    more_avoided: bool = False  # the server had more avoided, which is nobody else's affair
    top_k: int = 0  # so many of the likeliest codes it was drawn from; 0: all
    chosen_from: int = 0  # so many pictures, by how the model judged them; 0: it was not
    stream: int = 1  # how numbers were drawn from the seed (model.requests.STREAM), which older versions do not say

    @classmethod
    def of(cls, drawing: Drawing, seed: int, model: str, steps: int) -> Self:
        """Say where the picture of a drawing that has this seed comes from, which took so many `steps`."""
        return cls(
            prompt=drawing.words(seed),
            seed=seed,
            guidance=drawing.guidance,
            temperature=drawing.temperature,
            model=model,
            version=program_version(),
            kept=len(drawing.kept),
            steps=steps,
            avoid=drawing.avoid,
            more_avoided=bool(drawing.always_avoid),
            top_k=drawing.top_k,
            chosen_from=drawing.candidates if drawing.tries > 1 else 0,
            stream=STREAM,
        )

    def parameters(self, size: tuple[int, int]) -> str:
        """Say it as AUTOMATIC1111's program does, of a picture of `size`."""
        settings = {
            "Steps": self.steps,
            "Sampler": SAMPLER,
            "CFG scale": f"{self.guidance:g}",
            "Seed": self.seed,
            "Size": f"{size[0]}x{size[1]}",
            "Model": self.model,
            "Temperature": f"{self.temperature:g}",
            **({"Top K": self.top_k} if self.top_k else {}),
            **({"Chosen from": self.chosen_from} if self.chosen_from else {}),
            "Version": f"{SOFTWARE} {self.version}",
        }
        words = [_one_part(self.prompt), *([f"{NEGATIVE} {_one_part(self.avoid)}"] if self.avoid else [])]
        return "\n".join(words) + "\n" + ", ".join(f"{name}: {_unmarked(value)}" for name, value in settings.items())

    def png(self, size: tuple[int, int]) -> PngInfo:
        """Return the text chunks of a PNG: iTXt where Latin-1 has no such letters."""
        chunks = PngInfo()
        chunks.add_text(PARAMETERS, self.parameters(size))
        chunks.add_text("Software", SOFTWARE)
        chunks.add_text(SOFTWARE, json.dumps(asdict(self)))
        return chunks

    def exif(self, size: tuple[int, int]) -> bytes:
        """Return the EXIF of a WebP."""
        exif = Image.Exif()
        exif[ExifTags.Base.Software] = SOFTWARE
        exif[ExifTags.Base.ImageDescription] = json.dumps(asdict(self))  # all ASCII, as EXIF wants it
        comment = UNICODE + self.parameters(size).encode("utf-16-be", errors="replace")
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
        # Pillow writes that the comment is of bytes, where the standard wants "undefined", as some readers do.
        # Nothing before it has letters beyond ASCII.
        return exif.tobytes().replace(COMMENT_OF_BYTES, COMMENT_UNDEFINED, 1)


def _one_part(words: str) -> str:
    """Return words on one line, which begin no other part."""
    return " ".join(words.split()).replace(NEGATIVE, NEGATIVE.replace(":", " :"))


def _unmarked(value: object) -> str:
    """Return a value without the signs that part one from the next."""
    return re.sub(r"[,:\n]", "_", str(value))


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
            software, described = told.get("Software"), told.get(SOFTWARE)
            if image.format != "PNG":
                exif = image.getexif()
                software, described = exif.get(ExifTags.Base.Software), exif.get(ExifTags.Base.ImageDescription, "{}")
        if software != SOFTWARE:
            return None
        if described is not None:  # else it is a PNG of an older version
            if len(described) > MOST_DESCRIBED:
                return None
            told = json.loads(described)
        given = [field for field in fields(Provenance) if field.default is MISSING or field.name in told]
        made = Provenance(**{field.name: field.type(told[field.name]) for field in given})  # type: ignore[operator]
        return made if 0 <= made.seed < SEEDS else None
    except (*DAMAGED, AttributeError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
