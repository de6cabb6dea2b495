"""python -m model.demo: train the demo checkpoint, and judge it."""

import shutil
from pathlib import Path
from typing import Annotated

import torch
import typer

from model.demo import avoidance, recipe, table
from model.demo.sheet import sheet
from model.demo.training import SHARDS
from model.settings import Quantize
from model.weights.checkpoint import load
from model.weights.names import WEIGHTS

app = typer.Typer(help="The demo checkpoint: how it is made, and what it can do.", no_args_is_help=True)


@app.command()
def train(
    out: Annotated[Path, typer.Argument(help="Where the checkpoint goes.")],
    work: Annotated[Path, typer.Option(help="Where the training keeps what it needs to go on.")] = Path(
        "demo-training"
    ),
    begin: Annotated[Path | None, typer.Option(help="A checkpoint to train on: its last stage, once more.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same checkpoint on the same machine.")] = 0,
    share: Annotated[float, typer.Option(help="Share of the steps: 0.01 for a quick look.")] = 1.0,
    processes: Annotated[int, typer.Option(min=1, max=SHARDS, help="Processes, of one thread each.")] = 2,
) -> None:
    """Train everything from scratch; run it again to go on after an interruption."""
    torch.set_num_threads(1)
    fused = shutil.which("c++") is not None
    if not fused:
        typer.echo("There is no C++ compiler (c++), so layers are not compiled: 2.5 times as slow.", err=True)
    training = recipe.Training(work, out, begin, seed, share, processes, fused)
    recipe.run(training)


@app.command()
def judge(
    checkpoint: Annotated[str, typer.Argument(help="A model's name or a folder.")] = "demo",
    out: Annotated[Path, typer.Option(help="Where the contact sheets go.")] = Path("demo-judged"),
    effort: Annotated[float, typer.Option(help="Share of the prompts and questions.")] = 1.0,
    quantize: Annotated[Quantize, typer.Option(help="What the language model's weights are held in.")] = "none",
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
) -> None:
    """Print the table of what a checkpoint reaches, and write sheets of what it drew and answered."""
    torch.set_num_threads(threads)
    janus = load(checkpoint, device="cpu", dtype="float32", quantize=quantize)
    out.mkdir(parents=True, exist_ok=True)
    judged = table.judge(janus, WEIGHTS / "demo" if checkpoint == "demo" else Path(checkpoint), effort=effort)
    typer.echo(table.markdown(judged))
    for name, shown in (("drawings", judged.drawn), ("answers", judged.answered)):
        sheet(shown).save(out / f"{name}.png")
    typer.echo(f"Sheets: {out / 'drawings.png'}, {out / 'answers.png'}", err=True)


@app.command()
def avoid(
    checkpoint: Annotated[str, typer.Argument(help="A model's name or a folder.")] = "demo",
    pictures: Annotated[int, typer.Option(help="Pictures for each row of the table.")] = 200,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
) -> None:
    """Print the table of what avoiding a colour does."""
    torch.set_num_threads(threads)
    typer.echo(avoidance.table(load(checkpoint, device="cpu", dtype="float32"), pictures=pictures))


if __name__ == "__main__":
    app()
