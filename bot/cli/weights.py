"""`janus-bot download`: says what it needs, fetches with bars, and says where things are."""

from pathlib import Path

from rich.filesize import decimal
from rich.progress import DownloadColumn, TaskID, TransferSpeedColumn

from bot.cli.console import bars, say, show
from model.weights.download import fetch, plan, require_space
from model.weights.names import WEIGHTS

ALL = ("1b", "7b", "upscaler")


def download(names: list[str], weights: Path = WEIGHTS) -> None:
    """Fetch the weights called `names` ("all" stands for every released one). Raises DownloadError."""
    wanted = dict.fromkeys(name for given in names for name in (ALL if given == "all" else (given,)))
    plans = [plan(name, weights) for name in wanted]
    for planned in plans:
        say(f"{planned.name}: {decimal(planned.size)} on disk, {decimal(planned.missing)} of it to fetch")
    require_space(plans)
    with bars(DownloadColumn(), TransferSpeedColumn()) as progress:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, done: int, size: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=size)

        for planned in plans:
            fetch(planned, advance)
            say(f"{planned.name}: complete and verified")
            show(str(planned.folder))
