"""Files that people write themselves: read in whichever way their editor wrote them."""

import codecs
import re
import tomllib
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic_settings import TomlConfigSettingsSource

BACKSLASH: Final = re.compile(r"""^[^#'"]*"[^"]*\\""", re.MULTILINE)  # in double quotes, where it begins an escape

T = TypeVar("T", str, Path)


def text_of(file: Path) -> str:
    """Read a text file in UTF-8, with or without its mark, or in UTF-16 with its own, as Windows' tools write it.

    Raises OSError, or UnicodeDecodeError where it is neither.
    """
    data = file.read_bytes()
    return data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")


def as_meant(path: T) -> T:
    """Refuse a path that can't be meant.

    Of a Windows path in double quotes TOML makes something else: "C:\\new" has a line break. And ~somebody needs to be
    somebody. Raises ValueError.
    """
    try:
        Path(path).expanduser()
    except RuntimeError:
        raise ValueError("a path: there is nobody of that name whose home it could begin with") from None
    if any(ord(character) < 32 for character in str(path)):
        raise ValueError("a path in single quotes or with slashes: a backslash in double quotes begins an escape")
    return path


class TomlFile(TomlConfigSettingsSource):
    """A settings file. Raises TOMLDecodeError, which has a hint where a Windows path may be to blame."""

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        text = text_of(file_path)
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            hint = "; write paths in single quotes, or with slashes" if BACKSLASH.search(text) else ""
            raise tomllib.TOMLDecodeError(f"{error}{hint}") from None
        except RecursionError:
            raise tomllib.TOMLDecodeError("too many brackets inside each other") from None
