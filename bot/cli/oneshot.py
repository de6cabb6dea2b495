"""The commands that end: one request each, by the executor that the bot has but without Discord; weights; figures."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.filesize import decimal
from rich.progress import DownloadColumn, MofNCompleteColumn, TaskID, TransferSpeedColumn

from bot.cli.console import bars, log_bugs_to_stderr, run_to_end, say, show
from bot.config import Settings
from bot.core.text import well_formed
from bot.media.decoding import look
from bot.texts import ENGLISH
from model.errors import PlainError
from model.executor import open_executor
from model.requests import (
    Answer,
    Cancelled,
    Drawing,
    Failed,
    Pictures,
    Progress,
    Refused,
    Request,
    Text,
)
from model.weights.download import fetch, plan, require_space
from model.weights.names import WEIGHTS

ALL: Final = ("1b", "7b", "upscaler")


def imagine(settings: Settings, prompt: str, seed: int | None, out: Path, upscale: bool, as_json: bool) -> None:
    """Draw `prompt` and write OUT/1.png and so on; print the files, or an object with `files`, `seeds`, `seconds`."""
    drawing = replace(settings.imagine.drawing(well_formed(prompt), seed=seed), upscale=upscale)
    with _plainly(out):
        out.mkdir(parents=True, exist_ok=True)
    if drawing.temperature == 0 and drawing.count > 1:
        say("At temperature 0 all pictures would be equal, so one is drawn.")
    result = run_to_end(_carry_out(settings, drawing))
    assert isinstance(result, Pictures)
    files = [out / f"{number}.png" for number in range(1, len(result.pictures) + 1)]
    with _plainly(out):
        for file, picture in zip(files, result.pictures, strict=True):
            picture.save(file)
    if as_json:
        show(json.dumps({"files": [str(file) for file in files], "seeds": result.seeds, "seconds": result.seconds}))
        return
    for file, its_seed in zip(files, result.seeds, strict=True):
        say(f"seed {its_seed}:")
        show(str(file))


def ask(settings: Settings, picture: Path, question: str, as_json: bool) -> None:
    """Answer `question` about the file `picture`, as the words come or as an object: `answer`, `tokens`, `seconds`."""
    with _plainly(picture):
        data = picture.read_bytes()
    taken = look(data, picture.name, settings.limits, ENGLISH)
    if taken.animated:
        say("The picture moves: its first frame is looked at.")
    request = replace(settings.ask.question(well_formed(question)), pictures=(taken.square,))
    result = run_to_end(_carry_out(settings, request, stream=not as_json))
    assert isinstance(result, Answer)
    if as_json:
        show(json.dumps({"answer": result.text, "tokens": result.tokens, "seconds": result.seconds}))
        return
    show("")
    if not result.complete:
        say(f"The answer stops at {result.tokens} tokens; --max-new-tokens sets how many there may be.")


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


@contextmanager
def _plainly(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into one plain line."""
    try:
        yield
    except OSError as error:
        raise PlainError(f"{error.filename or path}: {error.strerror}") from None


async def _carry_out(settings: Settings, request: Request, stream: bool = False) -> Answer | Pictures:
    """Hand `request` to the executor, show how it goes, and return what comes out. Raises PlainError."""
    log_bugs_to_stderr()
    executor = open_executor(settings.model, settings.engine, only=request)
    try:
        job = await executor.submit(request)
        with bars(MofNCompleteColumn()) as progress:
            task = progress.add_task(f"loading {settings.model.name}", total=None)
            async for event in job:
                match event:
                    case Progress():
                        what = "drawing" if isinstance(request, Drawing) else "answering"
                        progress.update(task, description=what, completed=event.done, total=event.total)
                    case Text() if stream:
                        progress.stop()  # a bar and an answer can't share the terminal
                        show(event.delta, end="")
                    case Answer() | Pictures():
                        return event
                    case Failed():
                        raise PlainError(event.reason)
                    case Cancelled():
                        raise PlainError("the model was closed before this was done")
        raise AssertionError("a job's last event is final")
    except Refused as refusal:
        raise PlainError(str(refusal)) from None
    finally:
        await executor.close()
