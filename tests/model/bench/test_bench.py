"""The benchmark runs through, its contenders draw the same, and its ratios are those of its seconds."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from model.bench import bench as module
from model.bench.bench import bench
from model.bench.tables import Result, tables


@pytest.fixture(scope="module")
def result(tiny_folder: Path) -> Result:
    told: list[str] = []
    found = bench(str(tiny_folder), device="cpu", rounds=1, progress=told.append)
    assert told
    return found


def test_every_part_is_there_and_can_be_written_as_json(result: Result) -> None:
    parts = {"imagine", "crowd", "passes", "chosen", "ask_under_load", "upscale", "memory", "startup"}
    assert parts == json.loads(json.dumps(result)).keys()


def test_contenders_draw_the_same_greedy_tokens(result: Result) -> None:
    assert result["imagine"]["greedy_equal"] is True


def test_ratios_are_those_of_the_seconds(result: Result) -> None:
    imagine = result["imagine"]
    for name in ("plain", "transformers"):
        for stage, seconds in imagine[name].items():
            assert imagine["ratio"][name][stage] == pytest.approx(seconds / imagine["engine"][stage])
    assert all(seconds > 0 for seconds in result["startup"]["engine"].values())


def test_every_width_draws_the_same_and_none_takes_more_passes_than_tokens(result: Result) -> None:
    assert result["passes"]["equal"] is True
    for of in (result["passes"]["five"], result["passes"]["one"]):
        assert of["1"]["passes"] == 16
        assert of["1"]["accepted"] == pytest.approx(1.0)
        assert all(1 <= of[size]["passes"] <= 16 for size in of)
    chosen = result["chosen"]
    assert all(float(seconds) > 0 for each in chosen["step_seconds"].values() for seconds in each.values())
    assert chosen["window"].keys() == chosen["step_seconds"].keys()


def test_tables_show_every_figure(result: Result) -> None:
    shown = io.StringIO()
    for table in tables(result):
        Console(file=shown, width=140).print(table)
    for figure in (
        "steps",
        "pixels",
        "last wait",
        "behind four drawings",
        "cache bytes per row",
        "peak bytes per row",
        "load",
    ):
        assert figure in shown.getvalue()


def test_a_large_model_is_measured_by_some_steps(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGE", 0)
    monkeypatch.setattr(module, "CONTEXTS", (60, 120))
    monkeypatch.setattr(module, "SHORT_GRID", 2)
    monkeypatch.setattr(module, "LONGER_GRID", 3)  # fewer tokens than a picture has: the lanes are as short as that
    monkeypatch.setattr("model.bench.probes.startup", lambda *_, **__: {})
    monkeypatch.setattr("model.bench.probes.peaks", lambda *_, **__: {"plain": 1.0, "engine": 1.0})
    result = bench(str(tiny_folder), device="cpu", rounds=1)
    assert result["imagine"]["greedy_equal"] is True
    assert result["imagine"]["ratio"].keys() == {"plain", "transformers"}
    assert result["imagine"]["engine"]["bandwidth_share_at_120"] > 0
    assert result["crowd"]["ratio"]["plain"]["step_at_60"] > 0
