"""Refused words: as whole words, whatever they look like."""

import pytest

from bot.jobs.admission import refused_word


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
