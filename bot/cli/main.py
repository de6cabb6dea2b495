"""The command line, `janus-bot`. Thin: a command's body is imported when it is called, so that --help is quick.

Results go to stdout, progress and messages to stderr. A mistake of the caller is one line on stderr and an exit code
that is not 0.
"""

import os
import sys
import traceback
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from model.errors import PlainError, as_typed

if TYPE_CHECKING:
    from bot.config import Settings

app = typer.Typer(
    help="A Discord bot that sees and draws with Janus-Pro, on your own GPU.",
    epilog=f"Try it without Discord: {as_typed('playground')}",
    add_completion=False,
    rich_markup_mode=None,  # plain help: rich alone would take half of the time that --help may take
    pretty_exceptions_enable=False,
)

Model = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="demo, 1b, 7b, a hub id (owner/name) or a folder.")
]
Device = Annotated[str | None, typer.Option(metavar="DEVICE", help="auto, cuda, mps or cpu.")]
Dtype = Annotated[str | None, typer.Option(metavar="DTYPE", help="auto, bfloat16, float16 or float32.")]
Quantize = Annotated[
    str | None, typer.Option(metavar="TYPE", help="none, int8, int4 or float8: what most weights are held in.")
]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="The settings file; JANUS_CONFIG names it too.")]
Replicas = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="So many models, a GPU each, in place of one. Needs the extra cluster."),
]
Temperature = Annotated[float | None, typer.Option(help="0 to 2; 0 always takes the likeliest.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object in place of words.")]

Options = dict[str, object]


def say_version(wanted: bool) -> None:
    """Print the version and stop, if that is wanted."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"janus-bot {version('janus-bot')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=say_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Take what stands before a command."""


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # an old terminal's ASCII or cp1252 can't show every answer as it is
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="janus-bot", standalone_mode=False)
    except (typer.TyperException, PlainError) as error:
        message = error.format_message() if isinstance(error, typer.TyperException) else str(error)
        typer.echo(f"janus-bot: {' '.join(message.split())}", err=True)
        code = error.exit_code if isinstance(error, typer.TyperException) else 1
    sys.exit(code)


def script() -> NoReturn:
    """Run the command line as a program, and end the process at once.

    Python's own way out trips over threads that are still in a library's code, as where a model is being loaded.
    """
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # it was said where it happened
            stream.flush()
    os._exit(code)


def load_settings(
    config: Path | None,
    model: str | None,
    device: str | None,
    dtype: str | None,
    quantize: str | None = None,
    replicas: int | None = None,
    **more: Options,
) -> "Settings":
    """Read the settings, with the command line's on top. A folder is named from the working directory.

    A model's name means the model, even where a folder of that name lies: that one is ./NAME. Who asks for replicas
    means those in processes of their own.
    """
    from bot.config import load
    from model.weights.names import NAMES

    is_folder = model and model not in NAMES and Path(model).is_dir()
    name = str(Path(model).resolve()) if model and is_folder else model
    executor: Options = {"backend": "ray", "replicas": replicas} if replicas else {}
    chosen = {"name": name, "device": device, "dtype": dtype, "quantize": quantize}
    return load(config, {"model": chosen, "executor": executor, **more})


def _say_starting() -> None:
    """Say that something happens: what comes next is imported for seconds, the first time for half a minute."""
    typer.echo("Starting. The first time takes up to half a minute…", err=True)


@app.command()
def run(
    replicas: Replicas = None,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = None,
    quantize: Quantize = None,
    config: Config = None,
) -> None:
    """Join Discord and serve its members. Needs a bot token in DISCORD_TOKEN or a file (see config.toml)."""
    from bot.token import read_token

    settings = load_settings(config, model, device, dtype, quantize, replicas)
    read_token(settings)  # a mistake is told before anything that takes long
    _say_starting()
    from bot.cli import serve

    serve.run(settings)


@app.command()
def playground(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0 takes any free one.")] = 0,
    replicas: Replicas = None,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = None,
    quantize: Quantize = None,
    config: Config = None,
) -> None:
    """Try the bot in a local browser page, with no token and no GPU."""
    _say_starting()
    from bot.cli import serve

    serve.playground(load_settings(config, model, device, dtype, quantize, replicas), port)


@app.command()
def drain(
    replica: Annotated[str, typer.Argument(metavar="REPLICA", help="Its number, as /status and the log tell it.")],
    config: Config = None,
) -> None:
    """Let a replica of the running bot finish what it has and take nothing new. Returns when it has finished."""
    from bot.cli import serve

    serve.drain(load_settings(config, None, None, None), replica)


@app.command()
def imagine(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to draw.")],
    avoid: Annotated[str, typer.Option(metavar="WORDS", help="What must not be in the pictures.")] = "",
    seed: Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="Random if not given.")] = None,
    guidance: Annotated[float | None, typer.Option(help="1 to 10: how closely to follow the prompt.")] = None,
    temperature: Temperature = None,
    top_k: Annotated[int | None, typer.Option(help="How many of the likeliest codes to draw from; 0: all.")] = None,
    count: Annotated[int | None, typer.Option(help="1 to 5 pictures.")] = None,
    careful: Annotated[
        bool | None,
        typer.Option("--careful/--no-careful", help="Draw twice as many, and take those that the model finds to fit."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the pictures go, named by prompt and seed.")] = Path(
        "out"
    ),
    upscale: Annotated[bool, typer.Option("--upscale/--no-upscale", help="Double the size.")] = True,
    json: Json = False,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = None,
    quantize: Quantize = None,
    config: Config = None,
) -> None:
    """Draw pictures of PROMPT."""
    from bot.cli import oneshot

    chosen: Options = {"guidance": guidance, "temperature": temperature, "top_k": top_k, "count": count}
    chosen["careful"] = careful
    settings = load_settings(config, model, device, dtype, quantize, imagine=chosen)
    oneshot.imagine(settings, prompt, avoid, seed, out, upscale, json)


@app.command()
def ask(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="One to four picture files.")],
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask about them.")],
    seed: Annotated[int | None, typer.Option(help="0 to 4294967295.")] = None,
    top_p: Annotated[float | None, typer.Option(help="0 to 1: how many of the likelier words to draw from.")] = None,
    temperature: Temperature = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="Where an answer stops at the latest.")] = None,
    json: Json = False,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = None,
    quantize: Quantize = None,
    config: Config = None,
) -> None:
    """Answer QUESTION about pictures."""
    from bot.cli import oneshot

    chosen: Options = {"seed": seed, "top_p": top_p, "temperature": temperature, "max_new_tokens": max_new_tokens}
    oneshot.ask(load_settings(config, model, device, dtype, quantize, ask=chosen), pictures, question, json)


@app.command()
def download(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...", help="1b, 7b, janus-4o-7b and others (see the README), upscaler, all, or a hub id."
        ),
    ],
) -> None:
    """Fetch weights. Goes on where an earlier download stopped; verifies every file."""
    from bot.cli import oneshot

    oneshot.download(names)


@app.command()
def check(
    model: Model = None, device: Device = None, dtype: Dtype = None, quantize: Quantize = None, config: Config = None
) -> None:
    """Tell what is fine, what is not, and what to do. Exit code 1 if the bot can't run."""
    from bot.cli import check as checks

    raise typer.Exit(not checks.run(lambda: load_settings(config, model, device, dtype, quantize)))


@app.command()
def selftest(
    guild: Annotated[int, typer.Option(metavar="ID", help="A server that the bot is on.")],
    channel: Annotated[int, typer.Option(metavar="ID", help="A text channel there that nobody minds.")],
    model: Model = None,
    device: Device = None,
    dtype: Dtype = None,
    quantize: Quantize = None,
    config: Config = None,
) -> None:
    """Send every kind of message to a channel, see what Discord makes of it, and delete it. Stop the bot first."""
    from bot.cli import serve

    raise typer.Exit(not serve.selftest(load_settings(config, model, device, dtype, quantize), guild, channel))


@app.command()
def bench(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured; the medians count.")] = 5,
    replicas: Replicas = None,
    json: Json = False,
    model: Model = None,
    device: Device = None,
    dtype: Dtype = None,
    quantize: Quantize = None,
    config: Config = None,
) -> None:
    """Measure the plain loop, transformers and the engine here. NAME may be random-1b or random-7b, too.

    With --replicas, measure how much more than one they draw for eight members.
    """
    from bot.cli import oneshot

    settings = load_settings(config, model, device, dtype, quantize, replicas)
    (oneshot.bench_replicas if replicas else oneshot.bench)(settings, rounds, json)
