"""`janus-bot check`: what is fine, what is not, and what to do about it."""

import importlib.util
import os
import platform
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.filesize import decimal

from bot.cli.console import show
from bot.config import Settings
from bot.token import TOKEN_SHAPE, read_token, token_file
from model.errors import PlainError, as_typed
from model.opening import require_ray
from model.settings import EngineSettings, Quantize
from model.weights.names import WEIGHTS, folder_of, known, locate_upscaler

if TYPE_CHECKING:
    from model.engine.memory import Plan
    from model.weights.machine import Machine, Needs

NO_PLAYGROUND = "the playground is not installed: start it with uv run --extra playground janus-bot playground"
SMALLER: tuple[Quantize, ...] = ("int8", "int4")  # what is proposed where weights do not fit
PATIENCE = 60.0  # seconds that people wait for a drawing without being warned
NVIDIA = Path("/dev/nvidia0")
# the build that uv chooses by the driver. --no-config: the index that has them tells no dates, and [tool.uv] wants some
OTHER_TORCH = (
    "uv pip install --no-config --torch-backend auto --reinstall-package torch --reinstall-package torchvision "
    '"torch<3" torchvision'
)
OTHERS = stat.S_IRWXG | stat.S_IRWXO  # who may read a file besides its owner


def demo_lines() -> Sequence[str]:
    """Say what the demo model is, and how to get another."""
    return (
        "This is the demo model: it draws one or two coloured shapes on a plain background, and knows only English.",
        'Try "a large red circle above a small blue square on a white background".',
        f"For anything else: {as_typed('download 1b')} (4 GB; or 7b, 15 GB), then start with --model 1b.",
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: Literal["fine", "note", "wrong"]  # "wrong": the bot can't run
    words: str

    def __str__(self) -> str:
        """Return it as one line."""
        return f"{self.state:5}  {self.what:10}  {self.words}"


def run(load_settings: Callable[[], Settings]) -> bool:
    """Print what was found, and tell whether the bot can run."""
    can_run = True
    for finding in look(load_settings):
        show(str(finding))
        can_run = can_run and finding.state != "wrong"
    show("The bot can run." if can_run else "The bot can't run yet: mend what is wrong above.")
    return can_run


def look(load_settings: Callable[[], Settings], weights: Path = WEIGHTS) -> Iterator[Finding]:
    """Look at everything the bot needs, the quick things first."""
    yield Finding("python", "fine", platform.python_version())
    try:
        settings = load_settings()
    except PlainError as error:
        yield Finding("settings", "wrong", str(error))
        return
    yield Finding("settings", "fine", "read and understood")
    yield _token(settings)
    yield _playground()
    yield _upscaler(settings, weights)
    if settings.executor.backend == "ray":
        yield _cluster(settings)
    try:
        from model.weights.machine import needs_of, read_speed, this_machine  # torch may be broken: a finding, too
    except (ImportError, OSError) as error:
        yield Finding("torch", "wrong", f"can't be imported ({error}): install the project again")
        return
    chosen = settings.model
    try:
        machine = this_machine(chosen.device, chosen.dtype, chosen.quantize)
    except PlainError as error:
        yield Finding("device", "wrong", str(error))
        return
    yield Finding("torch", "fine", machine.torch)
    yield device(machine, asked_for=chosen.device)
    if (about := known(chosen.name)).source:
        yield Finding("model", "note", f"not tried: nobody has run these weights here. {about.remark} ({about.source})")
    try:
        needs = needs_of(chosen.name, machine.dtype, chosen.quantize, weights)
        smaller = {kind: needs_of(chosen.name, machine.dtype, kind, weights).weights for kind in SMALLER}
    except PlainError as error:
        yield Finding("weights", "wrong", str(error))
        return
    folder = folder_of(chosen.name, weights)
    yield Finding("weights", "fine", f"{chosen.name}: {needs.parameters / 1e6:,.1f} million parameters, in {folder}")
    if machine.memory:
        yield memory(machine, needs, settings.engine, smaller)
    if machine.device == "cpu":
        yield speed(needs, read_speed())
    if chosen.name == "demo":
        yield Finding("model", "note", " ".join(demo_lines()))


def device(machine: "Machine", *, asked_for: str) -> Finding:
    """Tell which device it is, and whether there is a GPU that torch can't see."""
    words = f"{machine.device} ({machine.name}), {machine.dtype}"
    gpu = nvidia_gpu() if machine.device == "cpu" and asked_for == "auto" else ""
    if not gpu:
        return Finding("device", "fine", words)
    cause = f"is for {machine.built_for}, and its driver may be too old" if machine.built_for else "is for no GPU"
    update = "Update the driver, or type: " if machine.built_for else "Type: "
    afterwards = as_typed("check").replace("uv run", "uv run --no-sync")  # or uv takes the other build back
    return Finding(
        "device",
        "note",
        f"{words}. There is {gpu}, which torch {machine.torch} can't use: it {cause}. {update}{OTHER_TORCH} and start "
        f"this as {afterwards} from then on",
    )


def nvidia_gpu() -> str:
    """Name an NVIDIA GPU that the driver or the system knows of, whatever torch can use; "" if there is none."""
    if program := shutil.which("nvidia-smi"):
        asked = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
        try:
            told = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):  # it is there, but there is no GPU or no driver
            told = ""
        if told:
            name, _, driver = told.splitlines()[0].partition(", ")
            return f"an {name} (driver {driver})" if "NVIDIA" in name else f"an NVIDIA {name} (driver {driver})"
    return "an NVIDIA GPU" if NVIDIA.exists() else ""


def memory(
    machine: "Machine", needs: "Needs", settings: EngineSettings, smaller: Mapping[Quantize, int] | None = None
) -> Finding:
    """Tell whether the weights fit the device, and how much can be drawn at a time beside them.

    `smaller`: what the weights would take if they were held in fewer bits, the largest first.
    """
    words = f"{decimal(needs.weights)} for the weights in {needs.held_in}, of {decimal(machine.memory)}"
    if not _room(machine, machine.memory - needs.weights, needs, settings):
        for kind, size in (smaller or {}).items():
            if size < needs.weights and _room(machine, machine.memory - size, needs, settings):
                return Finding("memory", "wrong", f"{words}: too little. Choose --quantize {kind} ({decimal(size)})")
        return Finding("memory", "wrong", f"{words}: too little. Choose a smaller model, or a smaller dtype")
    words += f", {decimal(machine.free)} of them free"
    fits = _room(machine, machine.free - needs.weights, needs, settings)
    if not fits:
        return Finding("memory", "note", f"{words}: close other programs first")
    row = needs.token * fits.picture_length
    return Finding(
        "memory",
        "fine",
        f"{words}: pictures that can be drawn at a time: {fits.pictures}, each of two rows of {decimal(row)} at most",
    )


def _room(machine: "Machine", left: int, needs: "Needs", settings: EngineSettings) -> "Plan | None":
    """Tell what can be done at a time with so many bytes beside the weights, in the engine's own way of planning."""
    from model.engine.memory import plan

    free = left if machine.device == "cuda" else left // 2  # a computer's own memory is everybody else's, too
    try:
        return plan(needs.token, settings, image_tokens=needs.image_tokens, context=needs.context, free=max(0, free))
    except PlainError:
        return None


def speed(needs: "Needs", bytes_a_second: float) -> Finding:
    """Estimate how long a drawing takes on a CPU: no step is faster than reading the weights once."""
    seconds = needs.image_tokens * needs.step / bytes_a_second
    least = f"{seconds:.1f} s" if seconds < PATIENCE else f"{seconds / 60:.0f} minutes"
    words = (
        f"a drawing takes at least {least}: {needs.image_tokens} steps, each of which reads {decimal(needs.step)} of "
        f"weights at the {decimal(int(bytes_a_second))} a second measured here"
    )
    if seconds < PATIENCE:
        return Finding("speed", "fine", words)
    return Finding("speed", "note", f"{words}. A GPU takes seconds")


def _token(settings: Settings) -> Finding:
    try:
        token = read_token(settings).get_secret_value()
    except PlainError as error:
        return Finding("token", "wrong", f"{error} (the playground needs none)")
    if not TOKEN_SHAPE.fullmatch(token):
        shape = "three parts of letters and digits with dots between them, some 70 characters in all"
        return Finding("token", "note", f"there is one, but it does not look like a bot's token, which is {shape}")
    file = token_file(settings)
    if "DISCORD_TOKEN" not in os.environ and os.name == "posix" and file.stat().st_mode & OTHERS:
        return Finding("token", "note", f"other people on this machine can read it: chmod 600 {file}")
    return Finding("token", "fine", "there is one; whether it is the right one, Discord tells at the start")


def _cluster(settings: Settings) -> Finding:
    try:
        require_ray(settings.executor.address)
    except PlainError as error:
        return Finding("replicas", "wrong", str(error))
    where = settings.executor.address or "this machine"
    return Finding("replicas", "fine", f"{settings.executor.replicas}, on {where}; what follows is about this machine")


def _playground() -> Finding:
    if importlib.util.find_spec("simcord"):
        return Finding("playground", "fine", "installed")
    return Finding("playground", "note", NO_PLAYGROUND)


def _upscaler(settings: Settings, weights: Path) -> Finding:
    try:
        file = locate_upscaler(settings.model.upscaler, settings.model.name, weights)
    except PlainError as error:
        return Finding("upscaler", "wrong", str(error))
    return Finding("upscaler", "fine", str(file) if file else "none: pictures are doubled by a plain filter (lanczos)")
