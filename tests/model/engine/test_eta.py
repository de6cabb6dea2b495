"""Estimates come from what was measured, follow who leaves when, and are not made up before that."""

from PIL import Image

from model.engine.engine import Engine
from model.engine.eta import Eta
from model.engine.runs import AnyRun
from model.network.upscaler import Lanczos
from model.requests import Drawing, Enlarge, Queued, Request
from model.settings import EngineSettings
from model.weights.checkpoint import Janus
from tests.model.driving import ask, draw, run


def prepared(engine: Engine, *requests: Request) -> list[AnyRun]:
    return [engine.prepare(request) for request in requests]


def measured(*, step: float, tokens: float | None = None) -> Eta:
    eta = Eta()
    eta.step.add(step)
    if tokens is not None:
        eta.tokens.add(tokens)
    return eta


def test_nothing_is_said_before_anything_is_measured(engine: Engine) -> None:
    assert list(Eta().waits(2, [], prepared(engine, draw(), draw()))) == [0.0]
    answers = prepared(engine, ask(), ask())
    assert list(measured(step=1.0).waits(1, [], answers)) == [0.0]  # how long answers are is not known yet


def test_whoever_waits_is_told_when_enough_seats_come_free(engine: Engine) -> None:
    line = prepared(engine, *(draw(count=count) for count in (3, 2, 5, 1)))
    steps = engine.janus.image_tokens
    waits = list(measured(step=0.5).waits(5, [], line))
    # five seats: 3 and 2 at once, the 5 when both are done, and the 1 behind the 5
    assert waits == [0.0, 0.0, steps * 0.5, steps * 1.0]
    assert list(measured(step=0.5, tokens=30).waits(2, [], prepared(engine, ask(), ask(), ask()))) == [0.0, 0.0, 15.0]


def test_more_seats_than_there_are_are_had_in_several_goes(engine: Engine) -> None:
    line = prepared(engine, draw(count=5), draw(count=1))
    assert list(measured(step=1.0).waits(2, [], line)) == [0.0, 3.0 * engine.janus.image_tokens]


def test_every_lane_tells_once_it_knows(tiny: Janus) -> None:
    small = Engine(tiny, Lanczos(), EngineSettings(rows=2, answers=1))
    picture = Image.new("RGB", (8, 8))
    first: tuple[Request, ...] = (draw(upscale=True), ask(), Enlarge.of(picture))
    run(small, *first)
    for make in (draw, ask, lambda **more: Enlarge.of(picture, **more)):
        events = run(small, *(make(owner=str(i)) for i in range(3)))
        etas = [event.eta for its in events for event in its if isinstance(event, Queued)]
        assert etas
        assert all(eta is not None and eta >= 0 for eta in etas)


def test_what_is_left_of_a_drawing_includes_its_pixels(engine: Engine) -> None:
    run(engine, draw(count=2))
    (drawing,) = prepared(engine, Drawing(prompt="x", count=2, upscale=False))
    seconds = engine.eta.left(drawing)  # type: ignore[arg-type]
    steps = engine.eta.seat(drawing)
    assert seconds is not None
    assert steps is not None
    assert seconds > steps
