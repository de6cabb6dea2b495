"""Words that people wrote, as Discord shows them: they mean nothing to its markdown, and stay inside its limits.

Whatever holds members' words goes through here, with the room that its place has. Lengths are in code points, as
Discord counts them. But it answers 500 to a message whose texts have more than some 10,170 bytes in UTF-8 (reported in
discord/discord-api-docs#8554), so each character has a share of those as well.
"""

import re
import unicodedata
from datetime import datetime, timedelta
from math import ceil
from pathlib import PurePath
from typing import Final

import discord

from bot.texts import Texts

BYTES: Final = 2.5  # in UTF-8 for each character of room: 10,000 in a message of 4,000
CONTENT: Final = 2000  # characters of a message without components
MESSAGE_TEXT: Final = 4000  # characters of text in one Components V2 message, all its parts together
PROMPT_TEXT: Final = 1200  # how much of that a prompt or question may take
ALT_TEXT: Final = 1024  # characters of a picture's description
QUOTED: Final = 200  # and of what a sentence quotes: a file's name, a refused phrase
SOON: Final = timedelta(seconds=10)  # too short to count down
# What no font shows: Unicode's Default_Ignorable_Code_Point, some of which are letters by their kind, and the Braille
# pattern of no dots.
INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
NOTHING: Final = "…"  # stands for words that nobody sees

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ANYWHERE = re.compile(r"[\\*_~`|\[\]<]")
_AT_LINE_START = re.compile(r"^(\s*)([#>+-])|^(\s*\d+)(\.)", re.MULTILINE)


def plain(text: str, room: int | None = None) -> str:
    """Return text that Discord shows as it is written: no markup, no mention, at most `room` characters long."""
    text = discord.utils.escape_mentions(without_controls(well_formed(text)))
    text = _AT_LINE_START.sub(r"\1\3\\\2\4", _ANYWHERE.sub(r"\\\g<0>", text))
    if room is None or size(text) <= room:
        return text
    text = head(text, room - size(NOTHING))
    half_escape = (len(text) - len(text.rstrip("\\"))) % 2
    return text[: len(text) - half_escape] + "…"


def well_formed(text: str) -> str:
    """Return text with U+FFFD for what is half a character: nothing takes that, no database, no tokenizer, no Discord.

    JSON may hold such halves, and so may what an older client sent.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def without_controls(text: str) -> str:
    """Return text without the characters that no font shows."""
    return _CONTROL.sub("", text)


def one_line(text: str, room: int = QUOTED) -> str:
    """Return `plain` text without its line breaks; never nothing."""
    return plain(" ".join(text.split()), room) if is_seen(text) else NOTHING


def alt_text(text: str) -> str | None:
    """Return a picture's description for people who can't see it; None if it would describe nothing."""
    return cut(well_formed(text).strip(), ALT_TEXT) if is_seen(text) else None


def size(text: str) -> int:
    """Return how much room a text takes among a message's texts."""
    return max(len(text), ceil(len(text.encode(errors="replace")) / BYTES))


def head(text: str, room: int) -> str:
    """Return the beginning of a text, as far as `room` holds it."""
    return text[:room].encode(errors="replace")[: int(room * BYTES)].decode(errors="ignore")


def cut(text: str, room: int) -> str:
    """Return as much of a text as `room` characters hold."""
    return text if len(text) <= room else text[: room - 1] + "…"


def is_seen(text: str) -> bool:
    """Tell whether a text has any character that one sees."""
    return any(unicodedata.category(character)[0] not in "CZM" for character in INVISIBLE.sub("", text))


def model_name(name: str) -> str:
    """Return the last part of a model's name: a folder's path or a hub's owner concerns no member."""
    return one_line(PurePath(name).name, 60)


def decimal(value: float, texts: Texts, digits: int | None = None) -> str:
    """Write a number as a language does, with so many digits behind the point; by default as many as it takes."""
    written = str(value) if isinstance(value, int) else f"{value:g}" if digits is None else f"{value:.{digits}f}"
    return written.replace(".", texts.decimal_point)


def many(value: float, texts: Texts) -> str:
    """Write a number of millions in the unit that a language counts in."""
    unit, words = texts.many
    return words.format(n=decimal(value / unit, texts, 0))


def days(number: int, texts: Texts) -> str:
    """Say so many days."""
    return texts.one_day if number == 1 else texts.days.format(n=number)


def soon(moment: datetime, now: datetime, texts: Texts) -> str:
    """Say when to come back: Discord counts down to it, unless that would be over at once."""
    if moment < now + SOON:
        return texts.in_a_moment
    return discord.utils.format_dt(moment, "R")


def is_demo(model: str) -> bool:
    """Tell whether a model is the small one of this repository, which knows nothing but its own world."""
    return model_name(model) == "demo"


def duration(seconds: float, texts: Texts) -> str:
    """Say how long something takes: to the second below a minute and a half, to the minute above."""
    if seconds < 90:
        return texts.seconds.format(n=max(1, round(seconds)))
    return texts.minutes.format(n=round(seconds / 60))


def bar(done: int, total: int, width: int = 16) -> str:
    """Draw a progress bar."""
    full = width * done // max(1, total)
    return "▰" * full + "▱" * (width - full)
