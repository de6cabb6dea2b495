"""The command line as people meet it: a process, its output, its exit code."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import pytest
from PIL import Image

from bot.cli import oneshot
from bot.cli import serve as serving
from bot.cli.main import load_settings, main
from bot.config import ROOT, Settings
from bot.media.provenance import read
from model.requests import Event, Executor, Request
from tests.hub import serve


@dataclass(frozen=True)
class Ended:
    """What a command came to."""

    code: int
    stdout: str
    stderr: str


class Runner(Protocol):
    """Runs a command line in this process, from `cwd`, with `variables` besides."""

    def __call__(self, *arguments: str | Path, variables: Mapping[str, str] = {}, cwd: Path = ROOT) -> Ended: ...


@pytest.fixture
def janus_bot(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    for name in os.environ:
        if name.startswith("JANUS_") or name == "DISCORD_TOKEN":
            monkeypatch.delenv(name)

    def run(*arguments: str | Path, variables: Mapping[str, str] = {}, cwd: Path = ROOT) -> Ended:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["janus-bot", *map(str, arguments)])
            patched.chdir(cwd)
            for name, value in variables.items():
                patched.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = capsys.readouterr()
        return Ended(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def complaint(janus_bot: Runner) -> Callable[..., str]:
    """Runs what must fail, and gives the one line that it says."""

    def run(*arguments: str | Path, variables: Mapping[str, str] = {}) -> str:
        ended = janus_bot(*arguments, variables=variables)
        assert ended.code != 0
        assert ended.stdout == ""
        assert ended.stderr.startswith("janus-bot: ")
        assert ended.stderr.count("\n") == 1
        return ended.stderr

    return run


def pixels(file: Path) -> Image.Image:
    with Image.open(file) as picture:
        picture.load()
    return picture


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['janus-bot', '--help']\n"
        "from bot.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'discord', 'pydantic_settings', 'transformers', 'PIL', 'rich'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.endswith("[]\n")
    for command in ("run", "playground", "imagine", "ask", "download", "check", "bench"):
        assert f"\n  {command} " in ended.stdout


def test_the_version_is_that_of_the_package(janus_bot: Runner) -> None:
    assert janus_bot("--version") == Ended(0, f"janus-bot {version('janus-bot')}\n", "")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_terminal_that_can_not_show_a_word_shows_its_code(tmp_path: Path, encoding: str) -> None:
    command = [sys.executable, "-m", "bot", "check", "--config", str(tmp_path / "猫.toml")]
    variables = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    ended = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, check=False, encoding=encoding)
    assert r"\u732b.toml: there is no such settings file" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr


def test_a_port_that_is_taken_is_one_line(janus_bot: Runner, tiny_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = janus_bot("playground", "--port", str(taken.getsockname()[1]), "--model", tiny_folder)
    assert ended.code == 1
    assert ended.stderr.splitlines()[-1].startswith("janus-bot: --port ")


def test_no_command_shows_the_help(janus_bot: Runner) -> None:
    ended = janus_bot()
    assert ended.code == 0
    assert ended.stdout.startswith("Usage: janus-bot")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["imagin"], "Did you mean 'imagine'?"),
        (["imagine"], "Missing argument"),
        (["imagine", "a cat", "--seed", "-1"], "--seed"),
        (["imagine", "a cat", "--guidance", "11"], "option --guidance: 11.0 is not allowed; it must be a number"),
        (["imagine", "a cat", "--count", "6"], "option --count: 6"),
        (["imagine", "a cat", "--device", "tpu"], "option --device: 'tpu' is not allowed"),
        (["imagine", "a cat", "--config", "nowhere.toml"], "nowhere.toml: there is no such settings file"),
        (["ask", "nowhere.png", "what is it?"], "nowhere.png: No such file or directory"),
        (["imagine", "a cat", "--out", "README.md"], "README.md: File exists"),
        (["ask", "pyproject.toml", "what is it?"], "pyproject.toml"),
        (["download", "3b"], "There is nothing called 3b to download"),
        (["run"], "DISCORD_TOKEN"),
        (["playground", "--replicas", "0"], "--replicas"),
    ],
)
def test_a_mistake_is_one_line(complaint: Callable[..., str], arguments: list[str], said: str) -> None:
    assert said in complaint(*arguments)


def test_a_wrong_variable_is_one_line(complaint: Callable[..., str]) -> None:
    said = complaint("imagine", "a cat", variables={"JANUS_IMAGINE_COUNT": "many"})
    assert "environment variable JANUS_IMAGINE_COUNT: 'many' is not allowed" in said


def test_download_puts_files_beside_the_packages_and_reports_on_stderr(tmp_path: Path) -> None:
    files = {"config.json": b"{}", "model.safetensors": b"weights" * 1000}
    with serve({"somebody/something": files}) as hub:
        code = (
            "import sys; from pathlib import Path; from bot.cli import oneshot\n"
            "oneshot.download(['somebody/something'], Path(sys.argv[1]))"
        )
        ended = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=ROOT,
            env=os.environ | {"HF_ENDPOINT": hub.address},
            capture_output=True,
            text=True,
            check=True,
        )
    folder = tmp_path / "somebody--something"
    assert ended.stdout == f"{folder}\n"
    assert ended.stderr == (
        "somebody/something: 7.0 kB on disk, 7.0 kB of it to fetch\nsomebody/something: complete and verified\n"
    )
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == files


def test_imagine_writes_pictures_that_their_seeds_draw_again(
    janus_bot: Runner, tiny_folder: Path, tmp_path: Path
) -> None:
    model = {"JANUS_MODEL_UPSCALER": "lanczos"}
    options = ("--model", tiny_folder, "--device", "cpu", "--json")
    first = janus_bot("imagine", "a red circle", "--seed", "7", "--count", "2", *options, variables=model, cwd=tmp_path)
    assert first.code == 0, first.stderr
    told = json.loads(first.stdout)
    assert first.stdout.count("\n") == 1
    assert told["files"] == ["out/a-red-circle-7.png", "out/a-red-circle-8.png"]
    assert (told["prompt"], told["guidance"], told["temperature"]) == ("a red circle", 5.0, 1.0)
    assert told["model"] == str(tiny_folder)
    assert told["seeds"] == [7, 8]
    assert {"prefill", "decode", "pixels", "upscale"} <= told["seconds"].keys()
    pictures = [pixels(tmp_path / file) for file in told["files"]]
    made = read((tmp_path / told["files"][1]).read_bytes())
    assert made
    assert (made.prompt, made.seed, made.version) == ("a red circle", 8, told["version"])
    assert [picture.size for picture in pictures] == [(64, 64)] * 2  # the tiny model draws 32 x 32

    again = janus_bot(
        "imagine", "a red circle", "--seed", "8", "--count", "1", "--out", tmp_path / "again", *options, variables=model
    )
    assert again.code == 0, again.stderr
    assert pixels(tmp_path / "again" / "a-red-circle-8.png").tobytes() == pictures[1].tobytes()


def test_imagine_in_words_says_files_on_stdout_and_seeds_on_stderr(
    janus_bot: Runner, tiny_folder: Path, tmp_path: Path
) -> None:
    ended = janus_bot(
        "imagine", "a red circle", "--temperature", "0", "--no-upscale", "--model", tiny_folder, cwd=tmp_path
    )
    assert ended.code == 0, ended.stderr
    (file,) = (tmp_path / "out").iterdir()
    assert ended.stdout == f"out/{file.name}\n"
    assert "At temperature 0 all pictures would be equal" in ended.stderr
    assert "seed " in ended.stderr
    assert "\x1b" not in ended.stderr  # bars are for terminals
    assert pixels(file).size == (32, 32)


def test_imagine_carefully_keeps_the_best_of_twice_as_many(
    janus_bot: Runner, tiny_folder: Path, tmp_path: Path
) -> None:
    options = ("--seed", "7", "--no-upscale", "--model", tiny_folder, "--device", "cpu", "--out", tmp_path)
    plainly = json.loads(janus_bot("imagine", "a red circle", "--count", "4", *options, "--json").stdout)
    ended = janus_bot("imagine", "a red circle", "--count", "2", "--careful", *options, "--json")
    assert ended.code == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["candidates"] == 4
    assert 1 > told["judged"][0] >= told["judged"][1] > 0
    for seed, file in zip(
        told["seeds"], told["files"], strict=True
    ):  # the file says by what it was chosen: another one
        same = plainly["files"][seed - 7]
        assert pixels(Path(file)).tobytes() == pixels(Path(same)).tobytes()
        made = read(Path(file).read_bytes())
        assert made
        assert (made.seed, made.chosen_from) == (seed, 4)
    spoken = janus_bot("imagine", "a red circle", "--count", "1", *options, variables={"JANUS_IMAGINE_CAREFUL": "true"})
    assert "Chosen from 2" in spoken.stderr
    assert " %):" in spoken.stderr
    assert spoken.stdout.count("\n") == 1


def test_imagine_avoids_and_says_where_that_has_no_effect(janus_bot: Runner, tiny_folder: Path, tmp_path: Path) -> None:
    model = ("--no-upscale", "--model", tiny_folder, "--device", "cpu", "--json", "--out", tmp_path)
    options = ("--seed", "7", "--count", "1", *model)
    drawn = {}
    for avoid, more in [("", ()), ("a star", ()), ("a star", ("--guidance", "1"))]:
        ended = janus_bot("imagine", "a red circle", "--avoid", avoid, *options, *more)
        assert ended.code == 0, ended.stderr
        told = json.loads(ended.stdout)
        assert told["avoid"] == avoid
        made = read(Path(told["files"][0]).read_bytes())
        assert made
        assert made.avoid == avoid
        drawn[avoid] = pixels(Path(told["files"][0])).tobytes()
        assert ("At guidance 1 nothing is avoided" in ended.stderr) == bool(more)
    assert len(set(drawn.values())) == 2


def test_imagine_draws_a_picture_for_each_choice(
    janus_bot: Runner, complaint: Callable[..., str], tiny_folder: Path, tmp_path: Path
) -> None:
    options = ("--seed", "7", "--no-upscale", "--model", tiny_folder, "--device", "cpu", "--json", "--out", tmp_path)
    ended = janus_bot("imagine", "{red, blue} circle", *options)
    assert ended.code == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["prompt"], told["prompts"]) == ("{red, blue} circle", ["red circle", "blue circle"])
    assert [Path(file).name for file in told["files"]] == ["red-circle-7.png", "blue-circle-8.png"]
    alone = janus_bot("imagine", "blue circle", *options, "--seed", "8", "--count", "1")
    assert json.loads(alone.stdout)["files"] == told["files"][1:]  # the same picture, so the same file
    assert "That would be 6 pictures" in complaint("imagine", "{a,b,c} {d,e}", *options)


def test_no_drawing_is_written_over_by_another(janus_bot: Runner, tiny_folder: Path, tmp_path: Path) -> None:
    options = ("--seed", "7", "--count", "1", "--no-upscale", "--out", tmp_path, "--model", tiny_folder)
    for prompt, more in [
        ("Red circle!", ()),
        ("red  circle", ()),
        ("Red circle!", ("--guidance", "2")),
        ("Red circle!", ()),
    ]:
        assert janus_bot("imagine", prompt, *options, *more).code == 0
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["red-circle-7-1.png", "red-circle-7-2.png", "red-circle-7.png"]


def test_ask_takes_up_to_four_pictures(
    janus_bot: Runner, complaint: Callable[..., str], tiny_folder: Path, tmp_path: Path
) -> None:
    pictures = [tmp_path / f"{number}.png" for number in range(5)]
    for picture in pictures:
        Image.new("RGB", (40, 30), "red").save(picture)
    options = ("--max-new-tokens", "2", "--model", tiny_folder)
    assert janus_bot("ask", *pictures[:4], "which?", *options).code == 0
    assert "a question takes 4 at most" in complaint("ask", *pictures, "which?", *options)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_result_that_can_not_be_written_is_one_line(tiny_folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (40, 30), "red").save(picture)
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "bot", "ask", str(picture), "what is it?", "--model", str(tiny_folder)]
        ended = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.stderr == "janus-bot: the result can't be written: No space left on device\n"
    assert ended.returncode == 1


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("seconds", [1.5, 3.0, 4.5])
def test_an_interruption_while_the_model_is_loaded_ends_clean(tmp_path: Path, seconds: float) -> None:
    command = [sys.executable, "-m", "bot", "imagine", "a cat", "--out", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode in (0, 130)  # a quick machine has drawn it by then
    assert "Traceback" not in err
    assert out == "" or process.returncode == 0


def test_ask_streams_words_or_prints_one_object(janus_bot: Runner, tiny_folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    Image.new("RGB", (40, 30), "red").save(picture)
    options = ("--max-new-tokens", "12", "--temperature", "0", "--model", tiny_folder)
    spoken = janus_bot("ask", picture, "what is it?", *options)
    assert spoken.code == 0, spoken.stderr
    printed = janus_bot("ask", picture, "what is it?", "--json", *options)
    told = json.loads(printed.stdout)
    assert spoken.stdout == told["answer"] + "\n"
    assert 0 < told["tokens"] <= 12
    assert {"prefill", "decode"} <= told["seconds"].keys()


def test_what_the_model_refuses_is_one_line(complaint: Callable[..., str], tiny_folder: Path, tmp_path: Path) -> None:
    said = complaint("imagine", "long " * 500, "--no-upscale", "--out", tmp_path, "--model", tiny_folder)
    assert "long" in said


def test_missing_weights_are_one_line_that_says_what_to_run(complaint: Callable[..., str], tmp_path: Path) -> None:
    assert "janus-bot download no/such" in complaint("imagine", "a cat", "--out", tmp_path, "--model", "no/such")


class Endless:
    """An executor whose jobs never end, and which is interrupted as soon as it has one."""

    closed = False

    async def submit(self, request: Request) -> "Endless":
        os.kill(os.getpid(), self.signal)
        return self

    def __init__(self, number: signal.Signals) -> None:
        self.signal = number

    def __aiter__(self) -> "Endless":
        return self

    async def __anext__(self) -> Event:
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """A shell lets what it runs in the background ignore SIGINT; these tests are about programs in front of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_closes_the_model_and_says_nothing(
    janus_bot: Runner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: signal.Signals
) -> None:
    executor = Endless(number)
    monkeypatch.setattr(oneshot, "open_here", lambda model, engine, only: executor)
    ended = janus_bot("imagine", "a cat", "--out", tmp_path)
    assert executor.closed
    assert ended == Ended(128 + number, "", "")


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_ends_in_order_when_it_is_told_to(
    janus_bot: Runner, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    closed = []

    async def run_bot(settings: Settings, executor: Executor) -> None:
        try:
            signal.raise_signal(number)
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    monkeypatch.setenv("DISCORD_TOKEN", "a-token")
    monkeypatch.setattr(serving, "run_bot", run_bot)
    monkeypatch.setattr(serving, "open_executor", lambda model, engine, executor: None)
    assert janus_bot("run").code == 0
    assert closed


STUBBORN = """
import asyncio, os, signal
from bot.cli.console import run_to_end

async def main():
    try:
        os.kill(os.getpid(), signal.{first})
        await asyncio.Event().wait()
    finally:
        os.kill(os.getpid(), signal.{second})
        await asyncio.sleep(60)

run_to_end(main())
"""


@pytest.mark.parametrize(("first", "second"), [("SIGTERM", "SIGTERM"), ("SIGINT", "SIGINT"), ("SIGTERM", "SIGINT")])
def test_who_is_told_twice_to_end_ends_at_once(first: str, second: str) -> None:
    script = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler){STUBBORN}"
    ended = subprocess.run([sys.executable, "-c", script.format(first=first, second=second)], timeout=30, check=False)
    assert ended.returncode == 128 + signal.Signals[second]


def test_who_asks_for_replicas_means_processes_of_their_own() -> None:
    asked = load_settings(None, "demo", None, None, replicas=4).executor
    assert (asked.backend, asked.replicas) == ("ray", 4)
    assert load_settings(None, "demo", None, None).executor.backend == "thread"


def test_a_model_s_name_means_the_model_wherever_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    assert load_settings(None, "demo", None, None).model.name == "demo"
    assert load_settings(None, "./demo", None, None).model.name == str(tmp_path / "demo")
