"""`janus-bot bench`: what the engine gains on this machine."""

import json

from rich.console import Console

from bot.cli.console import bars, show
from bot.config import Settings


def bench(settings: Settings, rounds: int, as_json: bool) -> None:
    """Measure the chosen model and print tables, or one JSON object. Raises PlainError."""
    from model.bench import bench as measuring

    chosen = settings.model
    with bars() as progress:
        task = progress.add_task("", total=None)
        result = measuring.bench(
            chosen.name,
            device=chosen.device,
            dtype=chosen.dtype,
            rounds=rounds,
            compile=settings.engine.compile,
            progress=lambda what: progress.update(task, description=what),
        )
    if as_json:
        show(json.dumps(result))
        return
    for table in measuring.tables(result):
        Console().print(table)
