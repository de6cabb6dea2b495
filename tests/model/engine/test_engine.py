"""The engine against the plain loop, beside others, and compiled."""

import copy
import shutil
from functools import partial
from typing import Any

import pytest
import torch
from PIL import Image

from model.bench import plain
from model.engine import step_runner
from model.engine.engine import Engine
from model.network.upscaler import Lanczos
from model.requests import (
    Answer,
    Paint,
    Pictures,
    Preview,
    Progress,
    Queued,
    Refused,
    Request,
    Started,
    Text,
    Turn,
)
from model.settings import EngineSettings
from model.weights import checkpoint
from model.weights.checkpoint import Janus
from tests.model.driving import PHOTO, ask, draw, run, text, tokens

# -- the same results as the plain loop, whoever else is there --------------------------------------------------------


@pytest.mark.parametrize("guidance", [1.0, 5.0])
@pytest.mark.parametrize("prompt", ["x", "a red circle on a blue background, and more words than fit in a chunk"])
def test_greedy_drawing_equals_the_plain_loop(engine: Engine, tiny: Janus, prompt: str, guidance: float) -> None:
    expected = plain.draw(tiny, prompt, count=1, guidance=guidance, temperature=0)
    drawn = tokens(run(engine, draw(prompt=prompt, guidance=guidance, temperature=0))[0])
    assert drawn == [tuple(row) for row in expected.tolist()]


@pytest.mark.parametrize("pictures", [1, 2, 4])
def test_greedy_answer_equals_the_plain_loop(engine: Engine, tiny: Janus, pictures: int) -> None:
    colours = ("red", "green", "blue")
    photos = (PHOTO, *(Image.new("RGB", (33, 50), colour) for colour in colours))[:pictures]
    expected = plain.answer(tiny, photos, "what is red?", max_new_tokens=24, temperature=0)
    assert text(run(engine, ask(pictures=photos, temperature=0))[0]) == tiny.prompts.text(expected)


def test_a_picture_is_the_same_alone_with_its_own_and_beside_others(engine: Engine) -> None:
    alone = [tokens(run(engine, draw(seed=5 + i))[0])[0] for i in range(5)]
    assert len(set(alone)) == 5
    question = ask(temperature=1.0, top_p=0.9, seed=3)
    answer = text(run(engine, question)[0])
    assert tokens(run(engine, draw(count=5))[0]) == alone
    crowd = (
        draw(prompt="blue", seed=70, count=3, owner="a"),
        ask(question="and a much longer question this time, so that the prompts differ?", owner="b"),
        draw(count=5, owner="c"),
        ask(temperature=1.0, top_p=0.9, seed=3, owner="d"),
        draw(prompt="green " * 20, count=5, temperature=0.5, owner="e"),
        draw(prompt="z", count=5, owner="f"),
        draw(prompt="one who waits", count=5, owner="g"),
    )
    for every in (0, 1, 5):  # all at once, or joining while others are on their way
        again = [copy.copy(request) for request in crowd]
        events = run(engine, *again, every=every)
        assert tokens(events[2]) == alone
        assert text(events[3]) == answer


@torch.inference_mode()
def greedy(janus: Janus, rows: list[list[int]], guidance: float, kept: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Draw without a cache: the prompts of both rows, each with what is drawn so far, anew for every token."""
    network, drawn = janus.network, list(kept)
    while len(drawn) < janus.image_tokens:
        logits = []
        for ids in rows:
            inputs = network.get_input_embeddings()(torch.tensor([ids]))
            if drawn:
                codes = network.prepare_embeddings_for_image_generation(torch.tensor(drawn))
                inputs = torch.cat((inputs, codes[None]), 1)
            state = network.model.language_model(inputs_embeds=inputs).last_hidden_state[:, -1]
            logits.append(network.model.generation_head(state))
        conditional, against = logits
        drawn.append(int((against + guidance * (conditional - against)).argmax()))
    return tuple(drawn)


LONG = "a red circle on a blue background, and more words than fit in a chunk"


@pytest.mark.parametrize("kept", [(), (3, 1, 4)])
@pytest.mark.parametrize(("prompt", "avoid"), [("a red circle", "z"), ("z", LONG), (LONG, "blue"), ("same", "red!")])
def test_what_is_avoided_stands_where_no_words_would(
    engine: Engine, tiny: Janus, prompt: str, avoid: str, kept: tuple[int, ...]
) -> None:
    """Each row has the length and the positions of its own words: alone, beside others, in windows and when moved."""
    rows = [tiny.prompts.drawing(prompt), tiny.prompts.avoiding(avoid)]
    expected = [greedy(tiny, rows, 3.0, kept)]
    wish = partial(draw, prompt=prompt, avoid=avoid, kept=kept, temperature=0)
    assert tokens(run(engine, wish())[0]) == expected
    assert tokens(run(engine, wish(avoid=f" {avoid} "))[0]) == expected  # as a prompt is stripped
    before, after = draw(prompt="short", kept=(1,) * 12, count=2), draw(prompt="another", avoid="blue", count=2)
    for which in (engine, windowed(tiny, 8)):
        for every in (0, 2):
            crowd = [copy.copy(before), wish(), copy.copy(after)]
            assert tokens(run(which, *crowd, every=every)[1]) == expected


def test_what_is_always_avoided_comes_after_what_its_member_avoids(engine: Engine) -> None:
    both = tokens(run(engine, draw(avoid="blue", always_avoid="green"))[0])
    assert both == tokens(run(engine, draw(avoid="blue, green"))[0])
    assert both != tokens(run(engine, draw(avoid="blue"))[0])
    assert tokens(run(engine, draw(always_avoid="green"))[0]) == tokens(run(engine, draw(avoid="green"))[0])


def test_guidance_1_avoids_nothing(engine: Engine) -> None:
    assert tokens(run(engine, draw(guidance=1.0, avoid="blue"))[0]) == tokens(run(engine, draw(guidance=1.0))[0])


def test_a_picture_may_be_drawn_from_the_likeliest_codes_alone(engine: Engine, tiny: Janus) -> None:
    greedy_one = tokens(run(engine, draw(temperature=0))[0])
    codes = tiny.network.config.vq_config.num_embeddings
    usual, few = tokens(run(engine, draw())[0]), tokens(run(engine, draw(top_k=3))[0])
    assert usual not in (greedy_one, few)
    crowd: list[Request] = [
        draw(top_k=1),
        draw(top_k=codes),
        draw(top_k=codes + 7),
        draw(),
        draw(top_k=3),
        ask(temperature=1.0),
    ]
    for which in (engine, windowed(tiny, 8)):
        for every in (0, 2):
            again = [copy.copy(request) for request in crowd]
            drawn = [tokens(events) for events in run(which, *again, every=every)[:-1]]
            assert drawn == [greedy_one, usual, usual, usual, few]
    with pytest.raises(Refused, match="top-k"):
        engine.prepare(draw(top_k=-1))


def test_pictures_of_words_of_their_own_are_what_these_draw_alone(engine: Engine, tiny: Janus) -> None:
    words = ("z", LONG, "z", "a blue one")
    alone = [tokens(run(engine, draw(prompt=each, seed=5 + i))[0])[0] for i, each in enumerate(words)]
    for which in (engine, windowed(tiny, 8), Engine(tiny, Lanczos(), EngineSettings(rows=4))):
        drawn, other = run(which, draw(prompts=words, count=4), draw(seed=40, count=2, owner="other"), every=1)
        assert tokens(drawn) == alone
        assert tokens(other) == tokens(run(engine, draw(seed=40, count=2))[0])
    avoiding = tokens(run(engine, draw(prompts=words, count=4, avoid="green"))[0])
    assert avoiding[3] == tokens(run(engine, draw(prompt=words[3], seed=8, avoid="green"))[0])[0]
    assert len(tokens(run(engine, draw(prompts=words, count=4, temperature=0))[0])) == 4


def test_seeds_wrap(engine: Engine) -> None:
    last = run(engine, draw(seed=2**32 - 1, count=2))[0][-1]
    assert isinstance(last, Pictures)
    assert last.seeds == (2**32 - 1, 0)
    assert last.tokens[1] == tokens(run(engine, draw(seed=0))[0])[0]


def test_at_temperature_0_one_picture_is_drawn(engine: Engine) -> None:
    assert len(tokens(run(engine, draw(count=5, temperature=0))[0])) == 1


@pytest.mark.parametrize("kept", [1, 7, 15])
def test_a_variation_keeps_its_beginning_and_goes_on_as_the_picture_did(engine: Engine, kept: int) -> None:
    whole = tokens(run(engine, draw(count=2))[0])
    again, other = tokens(run(engine, draw(count=2, kept=whole[0][:kept]))[0])
    assert again == whole[0]  # the same stream on the same beginning
    assert other[:kept] == whole[0][:kept]


def test_few_seats_draw_the_same_pictures_in_several_goes(engine: Engine, tiny: Janus) -> None:
    small = Engine(tiny, Lanczos(), EngineSettings(rows=4))
    expected, other = (tokens(events) for events in run(engine, draw(count=5), draw(seed=40, count=3)))
    events = run(small, draw(count=5, owner="a"), draw(seed=40, count=3, owner="b"), draw(count=1, owner="c"))
    assert tokens(events[0]) == expected
    assert tokens(events[1]) == other
    done = [event.done for event in events[0] if isinstance(event, Progress)]
    assert done == sorted(done)
    assert done[-1] == 16


# -- several tokens a step --------------------------------------------------------------------------------------------


def windowed(tiny: Janus, window: int) -> Engine:
    return Engine(tiny, Lanczos(), EngineSettings(prefill_tokens=16, window=window))


@pytest.mark.parametrize("window", [2, 4, 7, 32, 64])
def test_a_window_draws_what_single_steps_draw(engine: Engine, tiny: Janus, window: int) -> None:
    """Whatever the guidance, the temperature, the beginning and the neighbours; and with fewer steps."""
    one, wide = windowed(tiny, 1), windowed(tiny, window)
    whole = tokens(run(one, draw())[0])[0]
    crowd: list[Request] = [
        draw(count=5, guidance=guidance, temperature=temperature, seed=seed, owner=str(seed))
        for seed, (guidance, temperature) in enumerate([(1.0, 1.0), (5.0, 1.0), (3.0, 0.3), (5.0, 0.0), (2.0, 2.0)])
    ]
    crowd += [draw(count=2, kept=whole[:kept], owner=str(kept)) for kept in (1, 7, 15)]
    crowd += [ask(temperature=1.0, top_p=0.9, seed=3, owner="asker")]
    for every in (0, 3):
        requests = [copy.copy(request) for request in crowd]
        for found, expected in zip(run(wide, *requests, every=every), run(one, *map(copy.copy, crowd)), strict=True):
            if isinstance(expected[-1], Pictures):
                assert tokens(found) == tokens(expected)
            else:
                assert text(found) == text(expected)


def test_steps_over_seats_that_stand_still_change_nothing(
    engine: Engine, tiny: Janus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a graph may be recorded while rows are in flight."""
    expected = [tokens(events) for events in run(engine, draw(count=3), draw(seed=9, count=2))]
    wide = windowed(tiny, 8)
    step, lane = wide.decoder.step, wide.lanes["pictures"]

    def again(*args: Any) -> tuple[torch.Tensor, torch.Tensor]:
        moving = lane.moving.clone()
        lane.moving.zero_()
        for _ in range(2):
            step(*args)
        lane.moving.copy_(moving)
        return step(*args)

    monkeypatch.setattr(wide.step_runner, "_step", again)
    assert [tokens(events) for events in run(wide, draw(count=3), draw(seed=9, count=2), every=2)] == expected


def test_a_window_takes_fewer_steps_and_progress_counts_tokens() -> None:
    demo = checkpoint.load("demo", device="cpu")
    steps, drawn = {}, {}
    for window in (1, 8):
        engine = Engine(demo, Lanczos(), EngineSettings(rows=10, answers=1, window=window))
        events = run(engine, draw(prompt="a large red circle on a blue background", count=3))[0]
        steps[window], drawn[window] = engine.step_runner.steps, tokens(events)
        done = [event.done for event in events if isinstance(event, Progress)]
        assert done == sorted(set(done))
        assert done[-1] == demo.image_tokens
        assert len(done) > 20
    assert drawn[8] == drawn[1]
    assert steps[1] == demo.image_tokens
    assert steps[8] < demo.image_tokens / 2


def test_a_broken_number_in_a_wrong_guess_harms_nobody(tiny: Janus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what would be certain counts: a guess may lead where no numbers are."""
    engine, expected = windowed(tiny, 8), tokens(run(windowed(tiny, 1), draw(count=2))[0])
    choose = engine.decoder._choose_codes

    def breaking(*args: torch.Tensor) -> torch.Tensor:
        chosen = choose(*args).view(-1, 8)
        read = engine.lanes["pictures"].window(len(chosen), 8, tiny.grid)[1]
        wrong = (chosen[:, :-1] != read[:, 1:]).cumsum(-1) > 0  # these stand behind a wrong guess
        chosen[:, 1:][wrong] = -1
        return chosen.flatten()

    monkeypatch.setattr(engine.decoder, "_choose_codes", breaking)
    assert tokens(run(engine, draw(count=2))[0]) == expected


# -- what travels on the way ------------------------------------------------------------------------------------------


def test_words_stream_and_never_break_a_character(engine: Engine) -> None:
    for seed in range(5):
        events = run(engine, ask(temperature=2.0, top_p=1.0, seed=seed))[0]
        deltas = [event.delta for event in events if isinstance(event, Text)]
        assert "".join(deltas) == text(events)
        assert all(deltas)


def test_an_answer_tells_whether_it_is_complete(engine: Engine, tiny: Janus, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = run(engine, ask(max_new_tokens=3, temperature=0))[0][-1]
    assert isinstance(cut, Answer)
    assert (cut.tokens, cut.complete) == (3, False)
    ids = plain.answer(tiny, [PHOTO], "what is red?", max_new_tokens=10, temperature=0)
    monkeypatch.setattr(tiny.prompts, "eos", ids[4])  # as if the model had said that it is done
    whole = run(engine, ask(max_new_tokens=10, temperature=0))[0][-1]
    assert isinstance(whole, Answer)
    assert (whole.tokens, whole.complete) == (ids.index(ids[4]), True)


def test_the_oldest_turns_are_dropped_when_the_context_is_full(engine: Engine) -> None:
    turns = tuple(Turn(question=f"question {i}?" + "?" * 60, answer="yes " * 20) for i in range(4))
    few = run(engine, ask(turns=turns[3:]))[0][-1]
    many = run(engine, ask(turns=turns))[0][-1]
    assert isinstance(few, Answer)
    assert isinstance(many, Answer)
    assert few.dropped_turns == 0
    assert 0 < many.dropped_turns < 4


def test_people_are_told_their_place_and_it_only_gets_better(tiny: Janus) -> None:
    small = Engine(tiny, Lanczos(), EngineSettings(rows=10))
    events = run(small, *(draw(count=5, owner=str(i)) for i in range(5)))
    for number, its in enumerate(events):
        places = [event.position for event in its if isinstance(event, Queued)]
        assert places == list(range(number, 0, -1))
        assert [type(event) for event in its].count(Started) == 1
    last = [event.eta for event in events[4] if isinstance(event, Queued)]
    assert last[-1] is not None  # steps have been measured by then


def test_a_question_starts_within_one_step_whatever_is_drawn(engine: Engine) -> None:
    for i in range(12):
        engine.add(engine.prepare(draw(count=5, owner=str(i % 2), prompt="word " * 10)))
    for _ in range(3):
        engine.step()
    question = ask(owner="asker")
    engine.add(engine.prepare(question))
    first = 0
    while not any(id == question.id and isinstance(event, Text) for id, event in engine.step()):
        first += 1
        assert first < 40
    prompt = len(engine.prepare(question).ids)  # type: ignore[union-attr]
    pieces = 1 + -(-(prompt - 1) // engine.settings.prefill_tokens)  # the picture, and chunks of the prompt
    assert first <= pieces + 3  # and a character may take some tokens
    engine.reset()


def test_previews_show_what_is_drawn_so_far(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.engine.previews.FIRST_SECONDS", 0.0)
    monkeypatch.setattr(engine.previews, "share", 1e9)
    events = run(engine, draw(count=2, previews=True))[0]
    previews = [event for event in events if isinstance(event, Preview)]
    final = events[-1]
    assert isinstance(final, Pictures)
    assert previews
    for preview in previews:
        assert [picture.size for picture in preview.pictures] == [(32, 32)] * 2
        assert preview.pictures[0].getpixel((31, 31)) == (127, 127, 127)  # not drawn yet
    assert previews[-1].pictures[0].getpixel((0, 0)) != (127, 127, 127)
    assert not any(isinstance(event, Preview) for event in run(engine, draw())[0])


# -- the compiled step ------------------------------------------------------------------------------------------------


def test_the_step_is_one_graph_a_bucket(tiny: Janus, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Graph breaks and later recompilations raise. Without the C++ that a machine may have no compiler for."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    compiled = Engine(tiny, Lanczos(), EngineSettings(rows=10, answers=2, compile=True))
    # pictures of four lengths, answers of two, and both with each of those
    assert len(compiled.step_runner.buckets) == 8
    crowd: list[Request] = [
        draw(count=3),
        ask(temperature=0),
        draw(seed=9, prompt="blue", count=1, owner="b"),
        ask(temperature=0, question="why?", owner="b"),
        draw(count=2, avoid="green, and some words more", owner="c"),
        draw(top_k=3, owner="d"),  # not compiled, but beside those that are
    ]
    again = [copy.copy(request) for request in crowd]
    expected = run(engine, *again, every=3)
    with torch.compiler.set_stance("fail_on_recompile"):
        found = run(compiled, *crowd, every=3)
    for one, other in zip(found, expected, strict=True):
        if isinstance(other[-1], Pictures):
            assert tokens(one) == tokens(other)
        else:
            assert text(one) == text(other)


@pytest.mark.skipif(not shutil.which("g++"), reason="torch compiles for a CPU with g++")
def test_a_compiled_engine_chooses_the_same_tokens(
    tiny: Janus, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By machine code this time: one graph each for drawings, answers and both, for every graph takes seconds."""
    monkeypatch.setattr(step_runner, "_lengths", lambda lane, count: [lane.length])
    compiled = Engine(tiny, Lanczos(), EngineSettings(rows=4, answers=1, compile=True))
    assert len(compiled.step_runner.buckets) == 3
    drawing, question = draw(count=2, temperature=0), ask(temperature=0)
    found = run(compiled, drawing, question, every=3)
    expected = run(engine, copy.copy(drawing), copy.copy(question), every=3)
    assert tokens(found[0]) == tokens(expected[0])
    assert text(found[1]) == text(expected[1])


def test_pictures_are_painted_once_more_of_their_tokens(engine: Engine) -> None:
    """Beside others, and of a variation: the same to the pixel, and in no step of the model."""
    whole = run(engine, draw(count=3, upscale=True))[0][-1]
    assert isinstance(whole, Pictures)
    steps = engine.status().steps
    (events,) = run(engine, Paint(tokens=whole.tokens, seeds=whole.seeds))
    painted = events[-1]
    assert isinstance(painted, Pictures)
    assert (painted.tokens, painted.seeds) == (whole.tokens, whole.seeds)
    assert [picture.tobytes() for picture in painted.pictures] == [picture.tobytes() for picture in whole.pictures]
    assert engine.status().steps == steps
    with pytest.raises(Refused, match="not drawn by this model"):
        engine.prepare(Paint(tokens=(whole.tokens[0][:-1],), seeds=(1,)))
