"""What the benchmark found, laid out for a person."""

from typing import Any

from rich.table import Table

Result = dict[str, Any]


def tables(result: Result) -> list[Table]:
    """Lay a result of `bench` out for a person: seconds of every contender, and how much faster the engine is."""
    start = result["startup"]
    machine = start["machine"]
    about = f"{start['model']} on {machine['name']}, {machine['threads']} threads, {machine['dtype']}"
    if start["compiled"]:
        about += ", compiled"
    found = [
        _table(f"One user draws five pictures ({about})", result["imagine"]),
        _table("Four users draw five pictures each", result["crowd"]),
        *([_passes(result["passes"])] if "passes" in result else []),
        *([_table("Whole drawings, enlarged", result["whole"])] if "whole" in result else []),
        _steps_by_width(result["chosen"]),
        _table("The first token of a question while four users draw", result["ask_under_load"]),
    ]
    if "missing" not in result["upscale"]:
        found.append(_table("Five pictures are enlarged", result["upscale"]))
    found.append(_table("Memory", result["memory"]))
    if "engine" in start:
        found.append(_table("From nothing to the first tokens", result["startup"]))
    return found


def _passes(part: Result) -> Table:
    """Passes of a drawing by the width of its steps."""
    title = f"Passes of a drawing by the width of its steps ({part['equal_share']:.1%} of the pictures equal)"
    table = Table(title=title, title_justify="left")
    figures = [f"{name}: {figure}" for name in ("five", "one") for figure in ("passes", "accepted", "seconds")]
    for column in ("width", *figures):
        table.add_column(column, justify="right")
    for size in part["five"]:
        table.add_row(size, *(_number(part[name][size][of]) for name, of in (f.split(": ") for f in figures)))
    return table


def _steps_by_width(part: Result) -> Table:
    """Seconds of a step by the pictures in it and its width, as measured, and what the engine takes."""
    table = Table(title="Seconds of a step by its width", title_justify="left")
    sizes = list(dict.fromkeys(size for of in part["step_seconds"].values() for size in of))
    for column in ("pictures", *sizes, "chosen"):
        table.add_column(column, justify="right")
    for pictures, of in part["step_seconds"].items():
        table.add_row(pictures, *(_number(of.get(size)) for size in sizes), part["window"][pictures])
    return table


def _table(title: str, part: Result) -> Table:
    """One line a figure, one column a contender that has it, and the ratios."""
    table = Table(title=title, title_justify="left")
    names: list[str] = [name for name in ("plain", "transformers", "engine") if name in part]
    ratios: Result = part.get("ratio", {})
    table.add_column("seconds" if title != "Memory" else "bytes")
    for name in names:
        table.add_column(name, justify="right")
    for other in ratios:
        table.add_column(f"{other} / engine", justify="right")
    for figure in dict.fromkeys(figure for name in names for figure in part[name]):
        cells = [_number(part[name].get(figure)) for name in names]
        faster = [_number(of.get(figure) if isinstance(of, dict) else None) for of in ratios.values()]
        table.add_row(figure.replace("_", " "), *cells, *faster)
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
