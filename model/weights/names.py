"""Which weights a name means, and where they lie. No torch here: commands that only look stay quick."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model.errors import PlainError, as_typed

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"  # beside the packages, from any working directory


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is known of released weights of this architecture: where they are, and what differs from Janus-Pro.

    `roles`: how a wish to draw names who speaks, where that is by plain words and not by Janus-Pro's control tokens.
    `judging`: the question whether a picture shows {prompt}, to be answered yes or no.
    `source`: the public code that this was read in, of weights that nobody has tried here; empty of those that were.
    """

    hub: str  # id, if there is one
    roles: tuple[str, str] | None = None
    judging: str = "Does this image show {prompt}? Answer yes or no."
    remark: str = ""  # for whoever runs it
    source: str = ""


JANUS_PRO: Final = Checkpoint("")
DEMO: Final = Checkpoint("", judging="Does this picture show {prompt}?")  # as it was taught
# All of them sample at guidance 5 and temperature 1 with two rows a picture, and ask in Janus-Pro's way, or tell none.
CATALOGUE: Final[Mapping[str, Checkpoint]] = {
    "1b": Checkpoint("deepseek-community/Janus-Pro-1B"),
    "7b": Checkpoint("deepseek-community/Janus-Pro-7B"),
    "janus-pro-r1-7b": Checkpoint(
        "midbee/Janus-Pro-R1-7B",
        remark="Its script for one picture takes the likeliest code alone (top_k = 1); the one that also judges its "
        "picture and draws it once more, which is not done here, takes all.",
        source="github.com/wendell0218/Janus-Pro-R1, inference/t2i.py and inference.py",
    ),
    "t2i-r1": Checkpoint(
        "CaraJ/T2I-R1",
        roles=("User", "Assistant"),
        remark="It was made to put what it draws into words first, which is not done here: write these words yourself. "
        "Its authors release it for research only.",
        source="github.com/CaraJ7/T2I-R1, src/t2i-r1/src/infer/reason_inference.py",
    ),
    "janus-focusdiff-7b": Checkpoint(
        "wendell0218/Janus-FocusDiff-7B",
        remark="Its example takes the likeliest code alone (top_k = 1); its script for many prompts takes all, and the "
        "tokenizer of Janus-Pro-7B.",
        source="github.com/wendell0218/FocusDiff, inference/README.md and infer_paircomp.py",
    ),
    "janus-4o-7b": Checkpoint(
        "FreedomIntelligence/Janus-4o-7B",
        remark="It can also change a picture by words, by three rows a picture, which is not done here.",
        source="github.com/FreedomIntelligence/ShareGPT-4o-Image, README.md and demo/app_janus4o.py",
    ),
}
NAMES = ("demo", *CATALOGUE)
UPSCALER = "ai-forever/Real-ESRGAN"  # the hub id of the released upscaler
UPSCALER_FILE = "RealESRGAN_x2.pth"
UPSCALER_BESIDE = "upscaler.safetensors"  # one that lies in the folder of the weights whose drawings it was made for


class CheckpointError(PlainError):
    """Weights that can't be used. One line: which file, what is wrong, what to do."""


def hub_id(name: str) -> str | None:
    """Tell the hub id ("owner/name") that `name` means, or None. What is a folder here means that folder."""
    if name in CATALOGUE:
        return CATALOGUE[name].hub
    return name if re.fullmatch(r"\w[\w.-]*/[\w.-]+", name) and not Path(name).is_dir() else None


def known(name: str) -> Checkpoint:
    """Tell what is known of the weights called `name`, by their short name or their hub id; else, as of Janus-Pro."""
    if name == "demo":
        return DEMO
    return next((one for short, one in CATALOGUE.items() if name in (short, one.hub)), JANUS_PRO)


def folder_of(name: str, weights: Path = WEIGHTS) -> Path:
    """Tell the folder where the weights called `name` belong, present or not.

    "demo", the catalogue's names and hub ids lie in `weights` (a hub id's slash becomes two dashes); anything else is
    a path.
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
    raise CheckpointError(f"There is no model and no folder called {name}. Models: {', '.join(NAMES)}, or owner/name.")


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
