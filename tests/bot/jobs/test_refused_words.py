"""Refused words: found however they are dressed up, and nothing but them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.jobs.refused_words import can_match, refused_word
from tests.fuzz import made_up


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a BLOOD bath", "blood"),
        ("blood", "Blood"),
        ("un café noir", "cafe"),
        ("un cafe noir", "café"),
        ("bl\u00f6od", "blood"),
        ("blo\u0308od", "blood"),  # the same with a mark of its own
        ("ｂｌｏｏｄ", "blood"),
        ("𝐛𝐥𝐨𝐨𝐝", "blood"),
        ("b\u200blo\u00adod", "blood"),
        ("blood!", "blood"),
        ("a_blood_bath", "blood"),
        ("red  hot-dog", "hot dog"),
        ("die STRASSE", "straße"),
        ("smørrebrød", "smorrebrod"),
        ("ВОЙНА", "война"),
        ("b\u034flood", "blood"),  # a joiner that is a mark
        ("b\ufe0fl\ufe0food", "blood"),  # selectors of variants
        ("bl\u2800ood", "blood"),  # Braille without a dot
        ("bl\u3164ood", "blood"),  # Hangul's filler
        ("bl\U000e0041ood", "blood"),  # a tag
        ("b\u20ddl\u20deood", "blood"),  # in a circle, in a square
        ("bl\x07ood", "blood"),
        ("血だらけの猫", "血"),
        ("हिन्दी में", "हिन्दी"),
    ],
)
def test_a_refused_word_is_found(text: str, word: str) -> None:
    assert refused_word(text, ["other", word]) == word


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a bloodhound", "blood"),
        ("hot, a dog and hotdog", "hot dog x"),
        ("カメラ", "ガ"),
        ("anything", "!?"),
        ("", "x"),
    ],
)
def test_what_only_resembles_one_is_not(text: str, word: str) -> None:
    assert refused_word(text, [word]) is None


@pytest.mark.parametrize(
    ("word", "can"), [("!?", False), ("\u200b\u2800", False), ("\u20dd", False), ("7", True), ("猫", True)]
)
def test_what_can_never_be_found_is_known(word: str, can: bool) -> None:
    assert can_match(word) is can


@given(st.text(st.characters()), st.lists(st.text(st.characters(), max_size=12), max_size=4))
@example("blood", ["\ud800", "\u0600", "\U000e0001"])
@made_up
def test_made_up_words_are_found_in_themselves(text: str, words: list[str]) -> None:
    found = refused_word(text, words)
    assert found is None or found in words
    for word in filter(can_match, words):
        assert refused_word(f"{text} {word} {text}", [word]) == word
