"""Careful drawings: more pictures are drawn, the model judges each, and the best are kept."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from model.engine.engine import Engine
from model.network.upscaler import Lanczos
from model.requests import Answer, Cancelled, Event, Failed, Pictures, Preview, Refused, Request, Started
from model.settings import EngineSettings
from model.weights.checkpoint import Janus, load
from tests.model.driving import ask, draw, run, text, tokens

careful = partial(draw, careful=True)
WORDS = "a red circle."


def pictures(events: Sequence[Event]) -> Pictures:
    assert isinstance(events[-1], Pictures), events[-1]
    return events[-1]


@torch.inference_mode()
def chance(janus: Janus, picture: Image.Image, words: str = "a red circle") -> float:
    """How likely transformers' modules find yes, against no, when they are asked about a picture in one pass."""
    said = janus.prompts.tokenizer.token_to_id
    begun = said(":Ġ")  # in this vocabulary what both answers begin with is one token, with the colon before it
    asked = janus.prompts.question(f"Does this image show {words}? Answer yes or no.")[:-1]
    ids = torch.tensor([*asked, begun])
    network = janus.network
    inputs = network.get_input_embeddings()(ids)[None]
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255 * 2 - 1
    inputs[0, ids == janus.prompts.placeholder] = network.model.get_image_features(pixels).pooler_output[0]
    state = network.model.language_model(inputs_embeds=inputs).last_hidden_state[:, -1]
    likely = network.lm_head(state)[0].softmax(-1)
    yes, no = (sum(float(likely[said(letter)]) for letter in letters) for letters in ("yY", "nN"))
    return yes / (yes + no)


def test_the_judgement_is_that_of_one_plain_pass_and_the_best_are_kept_in_its_order(
    engine: Engine, tiny: Janus
) -> None:
    plainly = pictures(run(engine, draw(prompt=WORDS, count=4))[0])
    chances = {seed: chance(tiny, picture) for seed, picture in zip(plainly.seeds, plainly.pictures, strict=True)}
    assert max(chances.values()) - min(chances.values()) > 1e-3  # else there is nothing to choose by
    kept = pictures(run(engine, careful(prompt=WORDS, count=2))[0])
    assert list(kept.seeds) == sorted(chances, key=chances.__getitem__, reverse=True)[:2]
    assert kept.judged == pytest.approx([chances[seed] for seed in kept.seeds], abs=1e-5)
    drawn = dict(zip(plainly.seeds, plainly.tokens, strict=True))
    assert list(kept.tokens) == [drawn[seed] for seed in kept.seeds]
    looks = dict(zip(plainly.seeds, plainly.pictures, strict=True))
    assert [picture.tobytes() for picture in kept.pictures] == [looks[seed].tobytes() for seed in kept.seeds]
    assert plainly.judged == ()


def test_it_is_the_same_beside_others_and_so_are_they(engine: Engine, tiny: Janus) -> None:
    alone = pictures(run(engine, careful(count=3))[0])
    crowd = (
        careful(prompt="blue", seed=70, count=2, owner="a"),
        ask(question="what else?", owner="b"),
        careful(count=3, owner="c"),
        ask(temperature=1.0, seed=3, owner="d"),
        draw(count=4, seed=40, owner="e"),
    )
    expected = [text(run(engine, crowd[1])[0]), text(run(engine, crowd[3])[0]), tokens(run(engine, crowd[4])[0])]
    few = {"rows": 4, "answers": 1, "prefill_tokens": 8}
    for which in (engine, Engine(tiny, Lanczos(), EngineSettings(**few)), Engine(tiny, Lanczos())):  # type: ignore[arg-type]
        for every in (0, 2):
            events = run(which, *crowd, every=every)
            found = pictures(events[2])
            assert (found.seeds, found.tokens) == (alone.seeds, alone.tokens)
            assert found.judged == pytest.approx(alone.judged, abs=1e-5)
            assert [text(events[1]), text(events[3]), tokens(events[4])] == expected


def test_what_is_not_kept_is_never_enlarged_and_never_shown(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    enlarged = []
    whole = Lanczos.pieces

    def pieces(self: Lanczos, picture: Image.Image):  # type: ignore[no-untyped-def]
        enlarged.append(picture)
        return whole(self, picture)

    monkeypatch.setattr(Lanczos, "pieces", pieces)
    monkeypatch.setattr("model.engine.previews.FIRST_SECONDS", 0.0)
    monkeypatch.setattr(engine.previews, "share", 1e9)
    assert any(isinstance(event, Preview) for event in run(engine, draw(previews=True))[0])
    (events,) = run(engine, careful(count=2, upscale=True, previews=True))
    assert not any(isinstance(event, Preview) for event in events)
    assert len(enlarged) == 2
    assert {picture.width for picture in pictures(events).pictures} == {2 * enlarged[0].width}
    assert len([event for event in events if isinstance(event, Started)]) == 1


def test_of_pictures_of_words_of_their_own_each_is_chosen_from_those_of_its_place(engine: Engine, tiny: Janus) -> None:
    words = ("z", "a blue one", "another one")
    each = [pictures(run(engine, draw(prompt=(words + words)[i], seed=5 + i))[0]) for i in range(6)]
    chances = [chance(tiny, one.pictures[0], (words + words)[i]) for i, one in enumerate(each)]
    best = [max(place, place + 3, key=chances.__getitem__) for place in range(3)]
    kept = pictures(run(engine, careful(prompts=words + words, count=3))[0])
    assert list(kept.seeds) == [5 + i for i in sorted(best, key=chances.__getitem__, reverse=True)]
    assert list(kept.tokens) == [each[seed - 5].tokens[0] for seed in kept.seeds]


def test_where_all_would_be_equal_nothing_is_judged(engine: Engine) -> None:
    kept = pictures(run(engine, careful(count=2, temperature=0))[0])
    assert len(kept.tokens) == 1
    assert kept.judged == ()


def test_a_prompt_that_is_too_long_for_the_question_is_refused_and_says_how_long_it_may_be(tiny: Janus) -> None:
    engine = Engine(tiny, Lanczos(), EngineSettings(conversation_tokens=300))
    long = "word " * 30
    engine.prepare(draw(prompt=long))
    with pytest.raises(Refused, match="prompt is too long") as refusal:
        engine.prepare(careful(prompt=long))
    assert refusal.value.cause == "prompt"
    engine.prepare(careful(prompt=long[: refusal.value.limit]))


@pytest.mark.parametrize("answers", [1, 4])
def test_cancelling_at_any_moment_frees_every_row(tiny: Janus, answers: int) -> None:
    engine = Engine(tiny, Lanczos(), EngineSettings(prefill_tokens=32, rows=10, answers=answers))
    request = careful(count=3, upscale=True)
    steps, judging, ended = 0, 0, False
    while not ended:
        engine.add(engine.prepare(request))
        for _ in range(steps):
            engine.step()
        ended = engine.idle
        judging += bool(engine.lanes["answers"].taken)
        engine.cancel(request.id)
        last = [event for _, event in engine.step()]
        assert ended or last[-1] == Cancelled()
        assert engine.idle
        assert engine.status().rows == engine.status().running == engine.status().queued == 0
        assert not any(map(engine.scheduler.line, engine.scheduler.capacities))
        assert not engine.work.prefills
        assert not engine.work.pixels
        steps += 1
    assert judging > 10  # it was cancelled in the midst of judgements, too


def test_while_it_is_judged_it_is_one_request_that_runs(engine: Engine) -> None:
    engine.add(engine.prepare(careful(count=2)))
    seen = set()
    while not engine.idle:
        engine.step()
        if engine.lanes["answers"].taken:
            status = engine.status()
            seen.add((status.running, status.queued, status.rows))
    assert seen == {(1, 0, 1)}


def test_a_question_does_not_wait_until_all_is_judged(tiny: Janus) -> None:
    """Not even where one seat is all there is: it is the next one's turn after the picture that is looked at."""
    engine = Engine(tiny, Lanczos(), EngineSettings(prefill_tokens=32, answers=1))
    drawing, question = careful(count=5, owner="a"), ask(max_new_tokens=1, owner="b")
    engine.add(engine.prepare(drawing))
    while not engine.lanes["answers"].taken:
        engine.step()
    engine.add(engine.prepare(question))
    pieces = 1 + -(-len(tiny.prompts.judgement(drawing.prompt)) // 32)  # of a judgement: the look, and chunks
    waited = 0
    while True:
        waited += 1
        if any(isinstance(event, Answer) for _, event in engine.step()):
            break
    assert waited <= 2 * pieces  # the question has about as many
    assert drawing.id in engine.begun
    while not engine.idle:
        engine.step()


def test_a_drawing_is_drawn_no_later_for_others_that_are_judged(tiny: Janus) -> None:
    engine = Engine(tiny, Lanczos(), EngineSettings(prefill_tokens=32, window=1))
    engine.add(engine.prepare(careful(count=5, owner="a")))
    while not engine.lanes["answers"].taken:
        engine.step()
    other = draw(owner="b")
    engine.add(engine.prepare(other))
    pieces = 1 + -(-len(tiny.prompts.judgement("a red circle")) // 32)  # of the judgement that is on its way
    waited = 0
    while other.id in engine._runs:
        engine.step()
        waited += 1
    assert waited <= pieces + 2 + 16 + 2 + 1  # and its own prompts, its tokens and its pixels, with their turns


@pytest.mark.parametrize("what", ["look", "read", "judge"])
def test_a_judgement_that_fails_fails_its_drawing_and_nobody_else(
    tiny: Janus, engine: Engine, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    expected = tokens(run(engine, draw(seed=40, count=2))[0])
    mine = Engine(tiny, Lanczos(), EngineSettings(answers=1))
    one, other = careful(count=2), draw(seed=40, count=2)

    def fail(*args: object) -> None:
        raise RuntimeError("broken")

    owner, name = {
        "look": (mine.answer_lane, "_look"),
        "read": (mine.answer_lane, "_read"),
        "judge": (mine.decoder, "text_logits"),
    }[what]
    monkeypatch.setattr(owner, name, fail)
    failed, drawn = run(mine, one, other)
    assert isinstance(failed[-1], Failed)
    assert one.id in failed[-1].reason
    assert tokens(drawn) == expected
    monkeypatch.undo()
    assert pictures(run(mine, careful(count=2))[0]).judged


def test_no_numbers_are_no_judgement(tiny_folder: object) -> None:
    broken = load(tiny_folder, device="cpu")  # type: ignore[arg-type]
    broken.network.lm_head.weight[0] = float("nan")
    (events,) = run(Engine(broken, Lanczos()), careful())
    assert isinstance(events[-1], Failed)


def test_a_lack_of_memory_in_a_judgement_is_survived(
    tiny: Janus, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = pictures(run(engine, careful(count=2))[0])
    short = Engine(tiny, Lanczos(), EngineSettings(rows=20))
    whole, calls = short.decoder.text_logits, iter([torch.OutOfMemoryError("CUDA out of memory.")])

    def sometimes(states: torch.Tensor) -> torch.Tensor:
        for error in calls:
            raise error
        return whole(states)

    monkeypatch.setattr(short.decoder, "text_logits", sometimes)
    found = pictures(run(short, careful(count=2))[0])
    assert (found.seeds, found.tokens) == (expected.seeds, expected.tokens)
    assert short.scheduler.capacity("pictures") == 5
    assert list(found.judged) == pytest.approx(list(expected.judged), abs=1e-5)


@pytest.mark.parametrize("request_", [careful(count=2, careful=False), ask()])
def test_who_is_not_careful_is_not_judged(engine: Engine, monkeypatch: pytest.MonkeyPatch, request_: Request) -> None:
    monkeypatch.setattr(engine.decoder, "text_logits", None)
    run(engine, request_)
