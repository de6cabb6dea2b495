"""Estimates come from what was measured, follow who leaves when, and are not made up before that."""

from PIL import Image

from model.checkpoint import Janus
from model.engine import Engine
from model.forecast import Forecast
from model.requests import Drawing, Enlarge, Queued, Request
from model.settings import EngineSettings
from model.upscaler import Lanczos
from model.work import AnyWork
from tests.model.driving import ask, draw, run


def prepared(engine: Engine, *requests: Request) -> list[AnyWork]:
    return [engine.prepare(request) for request in requests]


def measured(*, step: float, tokens: float | None = None) -> Forecast:
    forecast = Forecast()
    forecast.step.add(step)
    if tokens is not None:
        forecast.tokens.add(tokens)
    return forecast


def test_nothing_is_said_before_anything_is_measured(engine: Engine) -> None:
    assert list(Forecast().turns(2, [], prepared(engine, draw(), draw()))) == [0.0]
    answers = prepared(engine, ask(), ask())
    assert list(measured(step=1.0).turns(1, [], answers)) == [0.0]  # how long answers are is not known yet


def test_whoever_waits_is_told_when_enough_seats_come_free(engine: Engine) -> None:
    line = prepared(engine, *(draw(count=count) for count in (3, 2, 5, 1)))
    steps = engine.janus.image_tokens
    turns = list(measured(step=0.5).turns(5, [], line))
    # five seats: 3 and 2 at once, the 5 when both are done, and the 1 behind the 5
    assert turns == [0.0, 0.0, steps * 0.5, steps * 1.0]
    assert list(measured(step=0.5, tokens=30).turns(2, [], prepared(engine, ask(), ask(), ask()))) == [0.0, 0.0, 15.0]


def test_more_seats_than_there_are_take_several_turns(engine: Engine) -> None:
    line = prepared(engine, draw(count=5), draw(count=1))
    assert list(measured(step=1.0).turns(2, [], line)) == [0.0, 3.0 * engine.janus.image_tokens]


def test_every_lane_tells_once_it_knows(tiny: Janus) -> None:
    small = Engine(tiny, Lanczos(), EngineSettings(rows=2, answers=1))
    picture = Image.new("RGB", (8, 8))
    first: tuple[Request, ...] = (draw(upscale=True), ask(), Enlarge(picture=picture))
    run(small, *first)
    for make in (draw, ask, lambda **more: Enlarge(picture=picture, **more)):
        events = run(small, *(make(owner=str(i)) for i in range(3)))
        etas = [event.eta for its in events for event in its if isinstance(event, Queued)]
        assert etas
        assert all(eta is not None and eta >= 0 for eta in etas)


def test_what_is_left_of_a_drawing_includes_its_pixels(engine: Engine) -> None:
    run(engine, draw(count=2))
    (work,) = prepared(engine, Drawing(prompt="x", count=2, upscale=False))
    seconds = engine.forecast.left(work)  # type: ignore[arg-type]
    steps = engine.forecast.seat(work)
    assert seconds is not None
    assert steps is not None
    assert seconds > steps
