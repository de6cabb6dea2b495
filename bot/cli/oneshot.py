"""The commands that end: one request each, by the executor that the bot has but without Discord; weights; figures."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count, zip_longest
from pathlib import Path
from typing import Final

from PIL import Image
from rich.console import Console
from rich.filesize import decimal
from rich.progress import DownloadColumn, MofNCompleteColumn, TaskID, TransferSpeedColumn

from bot.cli.console import bars, log_bugs_to_stderr, run_to_end, say, show
from bot.config import Settings
from bot.core.choices import written_out
from bot.core.text import is_demo, well_formed
from bot.media.decoding import look
from bot.media.inputs import MOST_PICTURES
from bot.media.provenance import Provenance, program_version, read
from bot.texts import ENGLISH
from model.errors import PlainError
from model.executor import open_here
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

NAME: Final = 60  # characters of a prompt in the name of a file
ALL: Final = ("1b", "7b", "upscaler")


def imagine(
    settings: Settings, prompt: str, avoid: str, seed: int | None, out: Path, upscale: bool, as_json: bool
) -> None:
    """Draw `prompt` and write it into `out`; print the files, or an object that has all it takes to draw them again."""
    wish = settings.imagine.drawing(well_formed(prompt).strip(), avoid=well_formed(avoid).strip(), seed=seed)
    drawing = replace(written_out(wish, {}, ENGLISH), upscale=upscale)
    with _plainly(out):
        out.mkdir(parents=True, exist_ok=True)
    if drawing.temperature == 0 and drawing.count > 1 and not drawing.prompts:
        say("At temperature 0 all pictures would be equal, so one is drawn.")
    if drawing.guidance == 1 and drawing.avoid:
        say("At guidance 1 nothing is avoided: --guidance takes more.")
    result = run_to_end(_carry_out(settings, drawing))
    assert isinstance(result, Pictures)
    made = zip(result.pictures, result.seeds, result.tokens, strict=True)
    with _plainly(out):
        files = [
            _save(picture, Provenance.of(drawing, its_seed, settings.model.name, len(tokens)), out)
            for picture, its_seed, tokens in made
        ]
    if as_json:
        chosen = {
            "prompt": drawing.prompt,
            "prompts": [drawing.words(its_seed) for its_seed in result.seeds],
            "avoid": drawing.avoid,
            "guidance": drawing.guidance,
            "temperature": drawing.temperature,
            "candidates": drawing.candidates,
        }
        by = {"model": settings.model.name, "version": program_version()}
        came = {"files": [str(file) for file in files], "seeds": result.seeds, "seconds": result.seconds}
        show(json.dumps({**came, "judged": result.judged, **chosen, **by}))
        return
    if result.judged:
        say(f"Chosen from {drawing.candidates}; the percentages say how sure the model is that each shows the prompt.")
    for file, its_seed, chance in zip_longest(files, result.seeds, result.judged):
        say(f"seed {its_seed}:" if chance is None else f"seed {its_seed} ({100 * chance:.0f} %):")
        show(str(file))
    _say_which(settings)


def ask(settings: Settings, pictures: Sequence[Path], question: str, as_json: bool) -> None:
    """Answer `question` about picture files, as the words come or as an object: `answer`, `tokens`, `seconds`.

    Raises PlainError.
    """
    if len(pictures) > MOST_PICTURES:
        raise PlainError(f"{len(pictures)} pictures are too many: a question takes {MOST_PICTURES} at most")
    taken = []
    for picture in pictures:
        with _plainly(picture):
            data = picture.read_bytes()
        taken.append(look(data, picture.name, settings.limits, ENGLISH))
        if taken[-1].animated:
            say(f"{picture.name} is animated: its first frame is looked at.")
    squares = tuple(one.square for one in taken)
    request = replace(settings.ask.question(well_formed(question)), pictures=squares)
    result = run_to_end(_carry_out(settings, request, stream=not as_json))
    assert isinstance(result, Answer)
    if as_json:
        show(json.dumps({"answer": result.text, "tokens": result.tokens, "seconds": result.seconds}))
        return
    show("")
    _say_which(settings)
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
    from model.bench.tables import tables

    chosen = settings.model
    with bars() as progress:
        task = progress.add_task("", total=None)
        result = measuring.bench(
            chosen.name,
            device=chosen.device,
            dtype=chosen.dtype,
            quantize=chosen.quantize,
            rounds=rounds,
            compile=settings.engine.compile,
            progress=lambda what: progress.update(task, description=what),
        )
    if as_json:
        show(json.dumps(result))
        return
    for table in tables(result):
        Console().print(table)


def bench_replicas(settings: Settings, rounds: int, as_json: bool) -> None:
    """Measure what the chosen replicas bring, and print a table or one JSON object. Raises PlainError."""
    from model.bench.replicas import table, throughput

    with bars() as progress:
        task = progress.add_task("", total=None)
        measuring = throughput(
            settings.model,
            settings.engine,
            settings.executor,
            rounds=rounds,
            progress=lambda what: progress.update(task, description=what),
        )
        result = run_to_end(measuring)
    if as_json:
        show(json.dumps(result))
    else:
        Console().print(table(result))


@contextmanager
def _plainly(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a file into one plain line."""
    try:
        yield
    except OSError as error:
        raise PlainError(f"{error.filename or path}: {error.strerror}") from None


def _say_which(settings: Settings) -> None:
    if is_demo(settings.model.name):
        say("Demo model: one or two coloured shapes on a plain background, and English only.")


def _save(picture: Image.Image, made: Provenance, out: Path) -> Path:
    """Save a picture under a name of its prompt and seed. A file that tells of anything else is not written over."""
    words = "-".join(re.findall(r"\w+", made.prompt.lower()))[:NAME].strip("-") or "picture"
    names = (f"{words}-{made.seed}{f'-{number}' if number else ''}.png" for number in count())
    file = next(file for file in map(out.joinpath, names) if not file.exists() or read(file.read_bytes()) == made)
    picture.save(file, pnginfo=made.png(picture.size))
    return file


async def _carry_out(settings: Settings, request: Request, stream: bool = False) -> Answer | Pictures:
    """Hand `request` to the executor, show how it goes, and return what comes out. Raises PlainError."""
    log_bugs_to_stderr()
    executor = open_here(settings.model, settings.engine, only=request)
    begun = False  # an answer's first word comes with a space before it
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
                        delta = event.delta if begun else event.delta.lstrip()
                        begun = begun or bool(delta)
                        show(delta, end="")
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
