"""The plan of the house, read from its imports: nothing runs upwards, no circles, and the walls between the packages.

Every import counts, those inside functions and under TYPE_CHECKING too: they tie files together for whoever reads them.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

import bot
import model

ROOT: Final = Path(bot.__path__[0]).parent

# From the top floor down. What stands in one line knows nothing of its neighbours there.
FLOORS: Final[Mapping[str, Sequence[Sequence[str]]]] = {
    "bot": [
        ["bot.__main__"],
        ["bot.cli"],
        ["bot.app"],
        ["bot.features"],
        ["bot.jobs"],
        ["bot.ui", "bot.media"],
        ["bot.core"],
        ["bot.store", "bot.token"],
        ["bot.config", "bot.texts"],
        ["bot.files"],
    ],
    "bot.features": [
        ["bot.features.help", "bot.features.controls"],
        ["bot.features.imagine"],
        ["bot.features.ask"],
    ],
    "model": [
        ["model.bench", "model.demo"],
        ["model.opening"],
        ["model.cluster"],
        ["model.executor"],
        ["model.engine_thread"],
        ["model.engine"],
        ["model.network"],
        ["model.weights"],
        ["model.requests", "model.settings", "model.square"],
        ["model.status", "model.errors"],
    ],
}
TIED: Final = ("ask", "imagine", "controls", "help")  # the features that build on each other; every other knows none
LONGEST: Final = 300  # lines of a file


@cache
def modules() -> Mapping[str, Path]:
    """Every module of both packages, by its name."""
    files = [file for package in (bot, model) for file in Path(package.__path__[0]).rglob("*.py")]
    return {name_of(file): file for file in files}


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(module: str) -> frozenset[str]:
    """What a module imports, by whole names: a module of ours where it is one, else as it is written."""
    found = set[str]()
    for node in ast.walk(ast.parse(modules()[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are written with whole names"
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules() else str(node.module) for name in whole}
    return frozenset(found)


def ours(module: str) -> frozenset[str]:
    return imports(module) & modules().keys() - {module}


def is_in(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def upward(floors: Sequence[Sequence[str]]) -> Iterator[str]:
    """Say which imports run upwards, or sideways into another room of the same floor."""
    rooms = {room: floor for floor, row in enumerate(floors) for room in row}
    for module in modules():
        for home in (room for room in rooms if is_in(module, room)):
            for imported in ours(module):
                for room in (room for room in rooms if is_in(imported, room) and room != home):
                    if rooms[room] <= rooms[home]:
                        yield f"{module} imports {imported}, but {home} stands no higher than {room}"


@pytest.mark.parametrize("floors", FLOORS.values(), ids=list(FLOORS))
def test_no_import_runs_upwards(floors: Sequence[Sequence[str]]) -> None:
    assert list(upward(floors)) == []


def test_every_module_stands_on_a_floor() -> None:
    rooms = [room for package in ("bot", "model") for row in FLOORS[package] for room in row]
    assert [name for name in modules() if "." in name and not any(is_in(name, room) for room in rooms)] == []


def test_a_feature_that_needs_no_other_knows_no_other() -> None:
    features = {name.split(".")[2] for name in modules() if name.startswith("bot.features.")}
    for feature in features - set(TIED):
        for module in (name for name in modules() if is_in(name, f"bot.features.{feature}")):
            others = {name for name in ours(module) if is_in(name, "bot.features")}
            assert {name for name in others if not is_in(name, f"bot.features.{feature}")} == set(), module


def test_there_is_no_circle() -> None:
    done, circles = set[str](), list[str]()

    def visit(module: str, way: tuple[str, ...]) -> None:
        if module in way:
            circle = [*way[way.index(module) :], module]
            circles.append("; ".join(f"{importer} imports {imported}" for importer, imported in pairwise(circle)))
        elif module not in done:
            for imported in sorted(ours(module)):
                visit(imported, (*way, module))
            done.add(module)

    for module in modules():
        visit(module, ())
    assert circles == []


def test_no_file_is_longer_than_one_purpose() -> None:
    lines = {name: len(file.read_text().splitlines()) for name, file in modules().items()}
    catalogues = "bot.texts"  # are as long as what there is to say
    long = {name: count for name, count in lines.items() if count > LONGEST and not is_in(name, catalogues)}
    assert long == {}


LOADED = """
import importlib, sys
for module in sys.argv[1].split(","):
    importlib.import_module(module)
    assert not {"torch", *sys.argv[2:]} & sys.modules.keys(), module
"""


def load(names: Sequence[str], *unwanted: str) -> None:
    """Import modules in a process of their own, in which nobody may have imported torch, nor what is `unwanted`."""
    subprocess.run([sys.executable, "-c", LOADED, ",".join(names), *unwanted], check=True, cwd=ROOT)


def test_no_module_of_the_bot_leads_to_torch() -> None:
    load(sorted(name for name in modules() if is_in(name, "bot") and name != "bot.__main__"))


def test_what_carries_requests_is_light() -> None:
    load(
        ["model.requests", "model.opening", "model.engine", "model.weights.names", "model.square"],
        "transformers",
        "discord",
        "ray",
    )


def test_no_module_of_the_model_imports_discord_or_the_bot() -> None:
    for module in (name for name in modules() if is_in(name, "model")):
        assert not {name.partition(".")[0] for name in imports(module)} & {"discord", "bot", "simcord"}, module


def test_no_running_code_knows_the_demo_world() -> None:
    for module, file in modules().items():
        assert is_in(module, "model.demo") or "model.demo" not in file.read_text(), module
