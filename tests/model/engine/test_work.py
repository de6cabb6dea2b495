"""Finished pictures pass enlargements, which get their turn all the same."""

from collections.abc import Iterator

from PIL import Image

from model.engine.engine import Engine
from model.engine.lanes import PIXELS
from model.engine.runs import EnlargeRun, PaintRun, QuestionRun, Task
from model.engine.work import PATIENCE, Work
from model.network.upscaler import Lanczos
from model.requests import Enlarge, Paint, Pictures
from model.settings import EngineSettings
from model.weights.checkpoint import Janus
from tests.model.driving import ask, draw, run, tokens

PICTURE = Image.new("RGB", (8, 8))


class Slow(Lanczos):
    """Takes a hundred pieces."""

    def pieces(self, picture: Image.Image):  # type: ignore[no-untyped-def]
        for _ in range(100):
            yield
        return picture


def test_finished_pictures_do_not_wait_behind_an_enlargement(tiny: Janus) -> None:
    engine = Engine(tiny, Slow())
    painted = tokens(run(engine, draw())[0])
    for request in (
        Enlarge.of(PICTURE, id="large"),
        Enlarge.of(PICTURE, id="next"),
        draw(id="drawing"),
        Paint(tokens=tuple(painted), seeds=(5,), upscale=False, id="paint"),
    ):
        engine.add(engine.prepare(request))
    ends = []
    while not engine.idle:
        ends += [id for id, event in engine.step() if isinstance(event, Pictures)]
    assert sorted(ends[:2]) == ["drawing", "paint"]
    assert ends[2:] == ["large", "next"]


def test_an_enlargement_gets_a_piece_now_and_then_whatever_comes() -> None:
    def nothing() -> Iterator[None]:
        yield

    work = Work()
    large = EnlargeRun(request=Enlarge.of(PICTURE), lane=PIXELS, seats=1)
    paint = PaintRun(request=Paint(tokens=(), seeds=()), pictures=[], lane=PIXELS, seats=1)
    work.pixels = [Task(large, nothing), Task(paint, nothing)]
    chosen = []
    for _ in range(3 * (PATIENCE + 1)):
        task = work.next_pixels(moving=False, unsaid=False)
        assert task
        chosen.append(task.run)
    assert chosen.count(large) == 3
    assert chosen[0] is paint
    work.worked(2.0)
    assert work.next_pixels(moving=True, unsaid=False) is None  # rows in flight have as much time as pixels took
    work.stepped(2.0)
    assert work.next_pixels(moving=True, unsaid=False)


def test_a_drawing_is_begun_and_judged_however_many_ask(tiny: Janus) -> None:
    engine = Engine(tiny, Lanczos(), EngineSettings(prefill_tokens=16, answers=2))
    drawing = draw(count=1, careful=True, owner="drawing")
    engine.add(engine.prepare(drawing))
    asked = 0
    for _ in range(1500):
        while sum(isinstance(run, QuestionRun) for run in engine._runs.values()) < 4:
            asked += 1
            engine.add(engine.prepare(ask(max_new_tokens=1, owner=f"{asked}")))
        if any(id == drawing.id and isinstance(event, Pictures) for id, event in engine.step()):
            break
    assert drawing.id not in engine._runs
    assert asked > 10  # they are served meanwhile
