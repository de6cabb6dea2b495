"""Answers as Discord shows them: words as they are written, formulas and code as code.

The model writes formulas in LaTeX, which Discord can't typeset and whose backslashes its markdown would eat. A formula
of its own goes into a code block, one inside a sentence into a code span.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

from bot.core.text import head, plain, size, without_controls

CLOSING: Final = {r"\[": r"\]", "$$": "$$", r"\(": r"\)", "```": "```"}
_OPENING = re.compile(
    r"(?<!\\)\\\[|(?<!\\)\$\$|(?<!\\)\\\(|```|(?<!\\)\\begin\{([A-Za-z]{1,30}\*?)\}|(?<![\\$\w])\$(?=[^\s$])"
)
_SHORT = re.compile(r"([^$`\n]{0,200}[^\s$`\\])\$(?![\w$])")  # what follows the $ of a formula in a line: $x^2$
_TEX = re.compile(r"\\[A-Za-z]|[\^_=]")  # tells $x^2$ from $5 or $6
_COMMAND = re.compile(r"\\(?:text|mathrm|operatorname)\{[^{}]*\}|\\[A-Za-z]+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_LANGUAGE = re.compile(r"([A-Za-z0-9+#-]{0,20})\n")  # what may stand behind the fence of a code block


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer: words, a code span in a line, or a block."""

    kind: Literal["words", "span", "block"]
    text: str
    language: str = "latex"

    def shown(self) -> str:
        """Write it in Discord's markdown."""
        match self.kind:
            case "words":
                return plain(self.text)
            case "span":
                return f"`{self.text}`"
            case "block":
                return self._fenced(self.text)

    def clipped(self, room: int) -> str:
        """Write as much of it as `room` characters hold."""
        match self.kind:
            case "words":
                return plain(self.text, room) if room > 1 else ""
            case "span":
                return ""
            case "block":
                inside = room - size(self._fenced("…"))
                return self._fenced(head(self.text, inside) + "…") if inside > 0 else ""

    def _fenced(self, text: str) -> str:
        return f"```{self.language}\n{text}\n```"


def formatted(text: str, room: int) -> tuple[str, bool]:
    """Write an answer in Discord's markdown, at most `room` characters long; and tell whether that is all of it."""
    written: list[str] = []
    left = room
    for piece in _pieces(without_controls(text)):
        shown = piece.shown()
        if size(shown) > left:
            return "".join([*written, piece.clipped(left)]).strip(), False
        written.append(shown)
        left -= size(shown)
    return "".join(written).strip(), True


def _pieces(text: str) -> Iterator[Piece]:
    """Take an answer apart. What opens and is not closed, as in an answer on its way, is words."""
    said = at = 0  # what was given out; where to look
    hopeless: set[str] = set()  # what opened and found no end: there is none further on, either
    while opening := _OPENING.search(text, at):
        found = None if opening[0] in hopeless else _closed(text, opening)
        if found is None:
            hopeless.update({opening[0]} - {"$"})
            at = opening.end()
            continue
        piece, end = found
        before, behind = text[said : opening.start()], text[end:]
        if piece.kind == "span" and _alone(before, behind):
            piece = Piece("block", piece.text)
        if piece.kind == "block":  # on lines of its own
            before = before.rstrip() + "\n" if before.strip() else ""
            end += len(behind) - len(behind.lstrip(" \n"))
        yield from _bare(before)
        yield piece
        if piece.kind == "block" and text[end:]:
            yield Piece("words", "\n")
        said = at = end
    yield from _bare(text[said:])


def _bare(words: str) -> Iterator[Piece]:
    """Take words apart from lines that are nothing but a formula, which the model sometimes writes without any sign."""
    for is_formula, lines in groupby(words.splitlines(keepends=True), _is_formula):
        part = "".join(lines)
        if not is_formula:
            yield Piece("words", part)
            continue
        yield Piece("block", _unfenced(part.strip()))
        if part.endswith("\n"):
            yield Piece("words", "\n")


def _is_formula(line: str) -> bool:
    return bool(_COMMAND.search(line)) and not _WORD.search(_COMMAND.sub(" ", line))


def _closed(text: str, opening: re.Match[str]) -> tuple[Piece, int] | None:
    """Return what an opening opens, and where that ends; None if it is not closed."""
    mark, start = opening[0], opening.end()
    if mark == "$":
        short = _SHORT.match(text, start)
        return (Piece("span", short[1]), short.end()) if short and _TEX.search(short[1]) else None
    if opening[1]:  # \begin{...}
        end = _environment_end(text, start, opening[1])
        return None if end is None else (Piece("block", _unfenced(text[opening.start() : end])), end)
    end = text.find(CLOSING[mark], start)
    while end > 0 and mark != "```" and text[end - 1] == "\\" and end > start:
        end = text.find(CLOSING[mark], end + 1)
    if end < 0:
        return None
    inside, after = text[start:end], end + len(CLOSING[mark])
    language = "latex"
    if mark == "```":
        named = _LANGUAGE.match(inside)
        language, inside = (named[1], inside[named.end() :]) if named else ("", inside)
    if not inside.strip() or (mark == r"\(" and "`" in inside):  # which would end a code span
        return Piece("words", text[opening.start() : after]), after
    if mark == r"\(":
        return Piece("span", " ".join(inside.split())), after
    return Piece("block", _unfenced(inside.strip("\n ")), language), after


def _environment_end(text: str, at: int, name: str) -> int | None:
    r"""Find the end of \begin{name}, past those of the same name inside it."""
    depth = 1
    for mark in re.finditer(rf"\\(begin|end)\{{{re.escape(name)}\}}", text[at:]):
        depth += 1 if mark[1] == "begin" else -1
        if not depth:
            return at + mark.end()
    return None


def _alone(before: str, behind: str) -> bool:
    """Tell whether nothing else stands in the line."""
    return not before.rpartition("\n")[2].strip() and not behind.partition("\n")[0].strip(" .,;")


def _unfenced(text: str) -> str:
    """Keep backticks apart where three or more of them would end a block."""
    return re.sub("`{3,}", lambda run: "\u200b".join(run[0]), text)
