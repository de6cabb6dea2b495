"""Files that are missing, broken, foreign or at odds with each other: every one is one clear line."""

import json
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from model.weights.checkpoint import CheckpointError, load
from tests import tiny as maker


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint in transformers' layout that the test may break."""
    return maker.write(tmp_path / "checkpoint")


def change(folder: Path, **keys: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | keys))


def refused(folder: Path, said: str) -> None:
    """Loading refuses the folder by one line that says so, and gives advice once."""
    line = complaint(folder)
    assert re.search(said, line), line
    assert "\n" not in line
    assert line.count("again") + line.count("Name ") == 1


def complaint(folder: Path) -> str:
    """What loading says of a folder; nothing if it can be loaded."""
    try:
        load(folder, device="meta")
    except CheckpointError as error:
        return str(error)
    return ""


def broken(told: Any, path: Sequence[str], value: object) -> Any:
    """Give a copy of a configuration in which one value is another."""
    key, *rest = path
    return told | {key: broken(told[key], rest, value) if rest else value}


def places_in(told: dict[str, Any]) -> Iterator[list[str]]:
    """Every path to a value in a configuration."""
    for key, value in told.items():
        yield [key]
        if isinstance(value, dict):
            yield from ([key, *rest] for rest in places_in(value))


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        '{"weight_map": {}}',
        '{"weight_map": null}',
        '{"weight_map": ["model.safetensors"]}',
        '{"weight_map": 3}',
        '{"weight_map": {"lm_head.weight": 3}}',
        '{"weight_map": {"lm_head.weight": ["model.safetensors"]}}',
        '{"weight_map": {"lm_head.weight": "../model.safetensors"}}',
        '{"weight_map": {"lm_head.weight": ""}}',
    ],
)
def test_an_index_that_names_no_shards_is_named(folder: Path, content: str) -> None:
    (folder / "model.safetensors.index.json").write_text(content)
    refused(folder, r"model\.safetensors\.index\.json names no shards beside it")


def test_foreign_weights_are_refused_in_both_layouts(folder: Path, tmp_path: Path) -> None:
    file = folder / "model.safetensors"
    change(folder, tie_word_embeddings=True)
    save_file({"encoder.weight": torch.ones(2, 2)}, file)
    refused(folder, "the weights lack .* more")
    file.write_text(json.dumps({"model_type": "janus"}))
    refused(folder, r"model\.safetensors is broken")
    other = maker.write_deepseek(tmp_path / "other")
    (other / "pytorch_model.bin").rename(folder / "pytorch_model.bin")
    file.unlink()
    refused(folder, "the weights lack .* more")  # the one layout's weights under the other's configuration
    for content in ({"weight": torch.ones(2)}, {1: torch.ones(2)}, {"lm_head.weight": torch.ones(2, dtype=torch.int8)}):
        torch.save(content, other / "pytorch_model.bin")
        refused(other, r"the weights lack language_model|something other than named tensors|lm_head\.weight as int8")
    torch.save(
        {name: torch.ones(()) for name in maker.to_deepseek(maker.network().state_dict())}, other / "pytorch_model.bin"
    )
    refused(other, r"config\.json and the weights are no Janus-Pro \(")


def test_a_configuration_without_a_vq_network_is_no_traceback(folder: Path) -> None:
    change(folder, vq_config=None)
    refused(folder, r"by config\.json|the weights (lack|hold)")


@pytest.mark.parametrize("write", [maker.write, maker.write_deepseek])
@pytest.mark.parametrize("value", [None, [], {}, 0, -1, 1.5, "x"], ids=repr)
@pytest.mark.filterwarnings("ignore")  # transformers says what it thinks of such values
def test_whatever_stands_in_config_json_is_used_or_refused_in_a_line(
    write: Callable[[Path], Path], value: object, tmp_path: Path
) -> None:
    folder = write(tmp_path / "broken")
    file = folder / "config.json"
    told = json.loads(file.read_text())
    for path in places_in(told):
        file.write_text(json.dumps(broken(told, path, value)))
        said = complaint(folder)
        assert "\n" not in said, path
        assert said.count("again") + said.count("Name ") == bool(said), path


def test_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"holds no weights: neither model\.safetensors nor pytorch_model\.bin"):
        load(folder, device="cpu")
    maker.write_deepseek(tmp_path / "sharded")
    shards = maker.shard_bin(tmp_path / "sharded")
    shards[1].unlink()
    with pytest.raises(CheckpointError, match=rf"{shards[1].name} is missing"):
        load(tmp_path / "sharded", device="cpu")
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"holds no config\.json"):
        load(folder, device="cpu")


def test_cut_off_files_are_named(folder: Path, tmp_path: Path) -> None:
    whole = folder / "model.safetensors"
    whole.write_bytes(whole.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is broken"):
        load(folder, device="cpu")
    whole = maker.write_deepseek(tmp_path / "deepseek") / "pytorch_model.bin"
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin is broken"):
        load(tmp_path / "deepseek", device="cpu")


def test_foreign_files_are_named_and_their_code_is_not_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "sprung",)

    whole = maker.write_deepseek(tmp_path / "deepseek") / "pytorch_model.bin"
    for content in (pickle.dumps({"weight": Trap()}), b"<!DOCTYPE html><html>Not found</html>"):
        whole.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"pytorch_model\.bin is broken, or holds no weights"):
            load(tmp_path / "deepseek", device="cpu")
    torch.save({"weight": Trap()}, whole)
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin is broken, or holds no weights"):
        load(tmp_path / "deepseek", device="cpu")
    assert not (tmp_path / "sprung").exists()
    for other in ([torch.zeros(1)], {"epoch": 3}):
        torch.save(other, whole)
        with pytest.raises(CheckpointError, match=r"pytorch_model\.bin holds .* named tensors"):
            load(tmp_path / "deepseek", device="cpu")


def test_other_models_are_refused(folder: Path, tmp_path: Path) -> None:
    file = folder / "config.json"
    told = json.loads(file.read_text())
    change(folder, text_config=told["text_config"] | {"hidden_size": "wide"})
    with pytest.raises(CheckpointError, match=r"config\.json and the weights are no Janus-Pro"):
        load(folder, device="cpu")
    change(folder, model_type="llama")
    with pytest.raises(
        CheckpointError, match=r"describes a llama model, not Janus-Pro\. Name another folder, or one of demo"
    ):
        load(folder, device="cpu")
    for text in ("{", "[]"):
        file.write_text(text)
        with pytest.raises(CheckpointError, match=r"config\.json is no"):
            load(folder, device="cpu")
    maker.write_deepseek(tmp_path / "other")
    torch.save({"weight": torch.ones(2)}, tmp_path / "other" / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="other: the weights lack language_model"):
        load(tmp_path / "other", device="cpu")
