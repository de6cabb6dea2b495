"""The files of a checkpoint, mapped by name: nothing in them is run, and no byte is read before it is used."""

import json
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from model.weights.names import CheckpointError


def read_json(file: Path) -> dict[str, Any]:
    """Read a file that holds a JSON object. Raises CheckpointError."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{file} is not readable JSON ({error}).") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} is no JSON object.")
    return content


def map_folder(folder: Path) -> dict[str, Tensor]:
    """Map all weights of a folder by their names in the files: one file, or shards with an index.

    Gives real numbers of any width, on the CPU. Raises CheckpointError.
    """
    for whole in (folder / "model.safetensors", folder / "pytorch_model.bin"):
        index = folder / f"{whole.name}.index.json"
        if index.is_file():
            return _map_shards(index)
        if whole.is_file():
            return _map_shard(whole)
    raise CheckpointError(f"{folder} holds no weights: neither model.safetensors nor pytorch_model.bin.")


def _map_shards(index: Path) -> dict[str, Tensor]:
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places or not all(map(_is_beside, places.values())):
        raise CheckpointError(f"{index} names no shards beside it (its weight_map).")
    tensors = {
        name: tensor
        for file in sorted(set(places.values()))
        for name, tensor in _map_shard(index.parent / file).items()
    }
    if missing := sorted(places.keys() - tensors.keys()):
        raise CheckpointError(f"{index.parent}: the shards lack {some(missing)}, which {index.name} names.")
    return tensors


def _is_beside(place: object) -> bool:
    return isinstance(place, str) and place not in ("", ".", "..") and Path(place).name == place


def _map_shard(file: Path) -> dict[str, Tensor]:
    tensors = read_tensors(file)
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError(f"{file} holds something other than named tensors.")
        if not tensor.is_floating_point() or tensor.layout is not torch.strided:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise CheckpointError(f"{file} holds {name} as {kind}: only plain weights in floating point can be used.")
    return tensors


def read_tensors(file: Path) -> dict[str, Any]:
    """Map a file's tensors by name, on the CPU: their bytes are read when they are used, and no code is run.

    Torch's own format may hold tensors at deeper levels. Raises CheckpointError.
    """
    if not file.is_file():
        raise CheckpointError(f"{file} is missing.")
    try:
        if file.suffix == ".safetensors":
            with safe_open(file, framework="pt") as opened:
                return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (it is no dict)
        # Files of the time before torch 1.6 are no zip archives, and can't be mapped.
        content = torch.load(file, map_location="cpu", mmap=zipfile.is_zipfile(file), weights_only=True)
    except Exception as error:  # a broken or foreign file can raise anything
        raise CheckpointError(f"{file} is broken, or holds no weights ({type(error).__name__}).") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} holds a {type(content).__name__} in place of named tensors.")
    return content


def some(names: list[str]) -> str:
    """Name the first of some names, and how many more there are."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
