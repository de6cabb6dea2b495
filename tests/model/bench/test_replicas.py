"""The throughput of replicas is measured, and a model that can't be loaded is one line."""

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from model.bench import replicas as module
from model.bench.replicas import table, throughput
from model.errors import PlainError
from model.requests import Failed, Request
from model.settings import EngineSettings, ExecutorSettings, ModelSettings
from model.status import Replica
from tests.bot.scripted import ScriptedExecutor, ScriptedJob, pictures


class Quick(ScriptedExecutor):
    """Draws at once, in so many replicas."""

    def __init__(self, replicas: int) -> None:
        super().__init__()
        there = tuple(Replica(str(i), self.reading) for i in range(replicas))
        self.becomes(replicas=there, dtype="float32")

    async def submit(self, request: Request) -> ScriptedJob:
        job = await super().submit(request)
        job.tell(pictures(request))  # type: ignore[arg-type]
        return job


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Quick]:
    there: list[Quick] = []

    def open_executor(model: ModelSettings, engine: EngineSettings, settings: ExecutorSettings) -> Quick:
        assert isinstance(settings.replicas, int)
        there.append(Quick(settings.replicas))
        return there[-1]

    monkeypatch.setattr(module, "open_executor", open_executor)
    return there


async def measure(said: list[str] | None = None, rounds: int = 3) -> dict[str, object]:
    settings = ExecutorSettings(backend="ray", replicas=4)
    say = [] if said is None else said
    return await throughput(ModelSettings(), EngineSettings(), settings, rounds=rounds, progress=say.append)


async def test_eight_members_draw_with_one_and_with_all(opened: Sequence[Quick]) -> None:
    said: list[str] = []
    result = await measure(said)
    assert [len(executor.status().replicas) for executor in opened] == [1, 4]
    assert [len(executor.jobs) for executor in opened] == [8 * 4] * 2  # three rounds, and one to find out
    assert {job.request.owner for job in opened[0].jobs} == set(map(str, range(8)))
    one, all = result["one"], result["all"]
    assert isinstance(one, dict)
    assert isinstance(all, dict)
    assert result["ratio"] == pytest.approx(one["seconds"] / all["seconds"])
    assert "all: round 3 of 3" in said
    shown = io.StringIO()
    Console(file=shown, width=120).print(table(result))
    assert f"{result['ratio']:.2f}" in shown.getvalue()


async def test_what_can_not_be_measured_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ScriptedExecutor()
    broken.becomes(state="failed", reason="There is no model here.")
    monkeypatch.setattr(module, "open_executor", lambda *given: broken)
    with pytest.raises(PlainError, match="no model here"):
        await measure()


async def test_a_drawing_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(ScriptedExecutor):
        async def submit(self, request: Request) -> ScriptedJob:
            job = await super().submit(request)
            job.tell(Failed("There is no room.", "memory"))
            return job

    monkeypatch.setattr(module, "open_executor", lambda *given: Failing())
    with pytest.raises(PlainError, match="no room"):
        await measure()
