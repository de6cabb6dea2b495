"""Answers in Discord's markdown: formulas and code as they are, words as they were written, and never too much."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.ui.formulas import formatted

ROOM = 2000


def shown(text: str) -> str:
    written, whole = formatted(text, ROOM)
    assert whole
    return written


def block(formula: str, language: str = "latex") -> str:
    return f"```{language}\n{formula}\n```"


@pytest.mark.parametrize(
    "formula",
    [
        r"\[ \frac{a_1}{b^*} \]",
        "\\[\n\\frac{a_1}{b^*}\n\\]",
        r"$$\frac{a_1}{b^*}$$",
        r"\( \frac{a_1}{b^*} \)",
        "```latex\n\\frac{a_1}{b^*}\n```",
        r"\frac{a_1}{b^*}",
    ],
)
def test_every_way_to_write_a_formula_ends_in_a_code_block(formula: str) -> None:
    kept = block(r"\frac{a_1}{b^*}")
    assert shown(formula) == kept
    assert shown(f"It is:\n{formula}\nas you see.") == f"It is:\n{kept}\nas you see."


def test_an_environment_is_kept_whole() -> None:
    inner = r"\begin{cases} 1 \\[4pt] \begin{cases} 2 \end{cases} \end{cases}"
    assert shown(f"So {inner} it is") == f"So\n{block(inner)}\nit is"
    aligned = "\\begin{align*}\na &= b \\\\\nc &= d\n\\end{align*}"
    assert shown(f"\\[ {aligned} \\]") == block(aligned)


def test_a_formula_in_a_sentence_stays_in_it() -> None:
    assert shown(r"where \(a_1\) is *one*, and $x^2$ two.") == r"where `a_1` is \*one\*, and `x^2` two."


@pytest.mark.parametrize(
    "words", ["It costs $5 or $6.", "5 $ and _6_ $", r"C:\new\folder is a path", r"open \[ only", "a ``` b"]
)
def test_what_is_no_formula_is_words(words: str) -> None:
    written = shown(words)
    assert "`" not in re.sub(r"\\.", "", written)
    assert re.sub(r"\\(?=[^\w\s])", "", written).replace("\\", "") == words.replace("\\", "")


def test_code_keeps_its_language() -> None:
    assert shown("Try:\n```python\nprint('*a*')\n```") == "Try:\n" + block("print('*a*')", "python")


def test_a_formula_can_not_end_its_own_block() -> None:
    written = shown(r"\[ a ``` @everyone <@123> b \]")
    assert written.count("```") == 2
    assert written.startswith("```latex\n")
    assert written.endswith("\n```")


def test_what_does_not_fit_is_cut_and_told() -> None:
    written, whole = formatted(r"\[" + "x" * 5000 + r"\]", 100)
    assert not whole
    assert len(written) <= 100
    assert written.count("```") == 2


UGLY = st.lists(
    st.sampled_from(
        [
            *("\\[", "\\]", "\\(", "\\)", "$$", "$", "```", "`", "\\", "\n", "a", "x^2", "\\begin{a}", "\\end{a}"),
            *("\\frac{a}{b}", "*", "_", "@everyone", "<@1>", "# ", "latex\n", " ", "🏳️‍🌈"),
        ]
    ),
    max_size=60,
).map("".join)


@given(UGLY | st.text(), st.integers(20, 300))
@example("\\begin{a}`````", 29)
def test_nothing_gets_out_of_hand(text: str, room: int) -> None:
    written, whole = formatted(text, room)
    assert len(written) <= room
    fences = re.findall(r"(?<!\\)```", written)
    assert len(fences) % 2 == 0  # every block is closed
    outside = re.sub(r"(?s)(?<!\\)```.*?```|(?<!\\)``.*?``|(?<!\\)`[^`\n]*`", "", written)
    assert not re.search(r"[*_~`|\[\]<]", re.sub(r"\\.", "x", outside))
    if whole and text.strip() and text.isprintable() and not set(text) & set("`$\\"):
        assert written
