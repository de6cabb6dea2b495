"""Drives an engine in tests: requests in, every request's events out."""

from functools import partial

from PIL import Image

from model.engine.engine import Engine
from model.requests import Answer, Drawing, Event, Pictures, Question, Request

PHOTO = Image.linear_gradient("L").resize((60, 40)).convert("RGB")
draw = partial(Drawing, prompt="a red circle", seed=5, guidance=3.0, count=1, upscale=False)
ask = partial(Question, pictures=(PHOTO,), question="what is red?", max_new_tokens=24)


def run(engine: Engine, *requests: Request, every: int = 0) -> list[list[Event]]:
    """Let the engine do all requests, one more coming in `every` so many steps; give each one's events."""
    events: dict[str, list[Event]] = {request.id: [] for request in requests}
    coming = list(requests)
    step = 0
    while coming or not engine.idle:
        while coming and step >= every * (len(requests) - len(coming)):
            engine.add(engine.prepare(coming.pop(0)))
        for id, event in engine.step():
            events[id].append(event)
        step += 1
    assert all(not lane.taken for lane in engine.lanes.values())
    return list(events.values())


def tokens(events: list[Event]) -> list[tuple[int, ...]]:
    assert isinstance(events[-1], Pictures), events[-1]
    return list(events[-1].tokens)


def text(events: list[Event]) -> str:
    assert isinstance(events[-1], Answer), events[-1]
    return events[-1].text
