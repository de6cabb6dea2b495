"""Words that people wrote: whatever they are, they can be shown, kept and sent."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.text import alt_text, is_seen, one_line, plain, well_formed
from tests.bot.conftest import World
from tests.bot.scripted import pictures
from tests.bot.seen import shown, text
from tests.fuzz import made_up

ANYTHING = st.text(st.characters())  # halves of characters, too


@pytest.mark.parametrize(
    ("written", "kept"),
    [("a\ud83d b", "a\ufffd b"), ("\udc00", "\ufffd"), ("\ud83d\ude00", "😀"), ("plain 猫", "plain 猫")],
)
def test_half_a_character_is_none(written: str, kept: str) -> None:
    assert well_formed(written) == kept


@given(ANYTHING)
@example("\ud800" * 500)
@made_up
def test_whatever_is_made_up_can_be_sent(written: str) -> None:
    for said in (plain(written), plain(written, 30), one_line(written), alt_text(written) or ""):
        assert json.loads(json.dumps(said, ensure_ascii=False).encode()) == said


@pytest.mark.parametrize("nothing", ["\u2800", "\u034f\u200b", "\ufe0f", "\U000e0041", "\u180e \u3164"])
def test_what_no_font_shows_is_not_seen(nothing: str) -> None:
    assert not is_seen(nothing)
    assert is_seen(nothing + "x")


async def test_half_a_character_in_a_prompt_or_question_costs_nothing(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a \ud83d circle"))
    assert world.executor.drawing.prompt == "a \ufffd circle"
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert "a \ufffd circle" in text(message)
    record = await world.bot.store.jobs.get(world.executor.job.id)
    assert record
    assert record.words == "a \ufffd circle"
