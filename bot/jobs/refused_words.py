"""The words and phrases that a server refuses: found in prompts and questions however they are dressed up."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from bot.core.text import INVISIBLE

LETTER_MARKS: Final = (7, 8, 9)  # marks that make another letter and no accent: nukta, the kana's voicing, virama
STROKES: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe"})
# Chinese, Japanese, Thai, Lao, Burmese and Khmer put no space between words: there every character is taken as one.
UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")


def refused_word(text: str, words: Iterable[str]) -> str | None:
    """Return the first of these words or phrases that a text contains, as it was given.

    They are found as whole words, whatever their case, accents and Unicode forms, and whatever nobody sees in them.
    """
    said = _spelt(text)
    return next((word for word in words if can_match(word) and _spelt(word) in said), None)


def can_match(word: str) -> bool:
    """Tell whether there is anything in a word or phrase that could be found."""
    return bool(_spelt(word).strip())


def _spelt(text: str) -> str:
    """Return the words of a text between single spaces: no case, accents, invisible characters and punctuation."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    text = unicodedata.normalize("NFC", "".join(c for c in text if not _is_dropped(c))).translate(STROKES)
    text = UNSPACED.sub(r" \g<0> ", "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text))
    return f" {' '.join(text.split())} "


def _is_dropped(character: str) -> bool:
    mark, kind = unicodedata.combining(character), unicodedata.category(character)
    if INVISIBLE.match(character) or kind in ("Cf", "Me"):  # Me: a circle or a square around a letter
        return True
    return (mark != 0 and mark not in LETTER_MARKS) or (kind == "Cc" and not character.isspace())
