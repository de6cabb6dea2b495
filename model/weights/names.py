"""Which weights a name means, and where they lie. No torch here: commands that only look stay quick."""

import os
import re
from pathlib import Path

from model.errors import PlainError, as_typed

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"  # beside the packages, from any working directory
HUB = {"1b": "deepseek-community/Janus-Pro-1B", "7b": "deepseek-community/Janus-Pro-7B"}  # short names of hub ids
NAMES = ("demo", *HUB)
UPSCALER = "ai-forever/Real-ESRGAN"  # the hub id of the released upscaler
UPSCALER_FILE = "RealESRGAN_x2.pth"
UPSCALER_BESIDE = "upscaler.safetensors"  # one that lies in the folder of the weights whose drawings it was made for


class CheckpointError(PlainError):
    """Weights that can't be used. One line: which file, what is wrong, what to do."""


def hub_id(name: str) -> str | None:
    """Tell the hub id ("owner/name") that `name` means, or None. What is a folder here means that folder."""
    if name in HUB:
        return HUB[name]
    return name if re.fullmatch(r"\w[\w.-]*/[\w.-]+", name) and not Path(name).is_dir() else None


def folder_of(name: str, weights: Path = WEIGHTS) -> Path:
    """Tell the folder where the weights called `name` belong, present or not.

    "demo", "1b", "7b" and hub ids lie in `weights` (a hub id's slash becomes two dashes); anything else is a path.
    """
    if name in NAMES:
        return weights / name
    if hub_id(name):
        return weights / name.replace("/", "--")
    return _path(name)


def locate(name: str, weights: Path = WEIGHTS) -> Path:
    """Find the folder of the weights called `name`. Raises CheckpointError, with what to run, if it is not there."""
    folder = folder_of(name, weights)
    if (folder / "config.json").is_file():
        return folder
    if hub_id(name):
        raise CheckpointError(f"{name} is not in {weights}. Fetch it with: {as_typed(f'download {name}')}")
    if folder.is_dir():
        raise CheckpointError(f"{folder} holds no config.json, so it is no checkpoint. Name another folder or a model.")
    raise CheckpointError(f"There is no model and no folder called {name}. Models: demo, 1b, 7b, or owner/name.")


def locate_upscaler(name: str, model: str, weights: Path = WEIGHTS) -> Path | None:
    """Find the file of the upscaler called `name`: "demo", "realesrgan" or a path; None for "lanczos", a plain filter.

    "auto" is the one that lies beside the weights called `model`, as the demo's does, or else "realesrgan". Raises
    CheckpointError, with what to run, if the file is not there.
    """
    beside = folder_of(model, weights) / UPSCALER_BESIDE
    if name == "auto" and beside.is_file():
        return beside
    if name == "lanczos":
        return None
    released = weights / "realesrgan" / UPSCALER_FILE
    known = {"demo": weights / "demo" / UPSCALER_BESIDE, "realesrgan": released, "auto": released}
    file = known.get(name, _path(name))
    if file.is_file():
        return file
    if file == released:
        raise CheckpointError(f"The upscaler is not in {file.parent}. Fetch it with: {as_typed('download upscaler')}")
    raise CheckpointError(f"There is no upscaler {file}. Name a file, or one of auto, demo, realesrgan, lanczos.")


def _path(name: str) -> Path:
    """Return a path that somebody named; where ~somebody is nobody, it is what is written there."""
    return Path(os.path.expanduser(name))
