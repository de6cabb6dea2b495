"""Loading: every layout gives the same network, and every broken file one clear line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import JanusForConditionalGeneration

from model.weights import checkpoint
from model.weights.checkpoint import CheckpointError, Janus, load
from tests import tiny as maker


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint in transformers' layout that the test may break."""
    return maker.write(tmp_path / "checkpoint")


def change(folder: Path, **keys: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | keys))


def edit(file: Path, *, without: str = "", **tensors: torch.Tensor) -> None:
    state = {name: tensor.clone() for name, tensor in load_file(file).items() if name != without}
    save_file(state | {name.replace("__", "."): tensor for name, tensor in tensors.items()}, file)


def same(one: JanusForConditionalGeneration, other: JanusForConditionalGeneration) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_it_is_ready_to_use_and_what_transformers_loads(tiny: Janus, tiny_folder: Path) -> None:
    theirs = JanusForConditionalGeneration.from_pretrained(tiny_folder)
    assert same(tiny.network, theirs)
    assert not tiny.network.training
    assert not any(weight.requires_grad for weight in tiny.network.parameters())
    assert (tiny.device, tiny.dtype) == (torch.device("cpu"), torch.float32)
    assert (tiny.grid, tiny.image_tokens, tiny.image_size, tiny.context) == (4, 16, 32, maker.CONTEXT)
    ids = torch.arange(20)[None]
    pixels = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
    with torch.inference_mode():  # what is in no file (positions, rotary frequencies) counts here
        assert torch.equal(tiny.network(input_ids=ids).logits, theirs(input_ids=ids).logits)
        ours = tiny.network.model.get_image_features(pixels).pooler_output
        assert torch.equal(ours, theirs.model.get_image_features(pixels).pooler_output)


def test_load_save_load_changes_nothing(tiny_folder: Path, tmp_path: Path) -> None:
    network = load(tiny_folder, device="cpu").network
    again = load(maker.write(tmp_path, network), device="cpu").network
    assert same(again, network)
    assert again.config.to_dict() == network.config.to_dict()


def test_shards_with_an_index_load(tiny: Janus, tmp_path: Path) -> None:
    maker.write(tmp_path, max_shard_size="2MB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    assert same(load(tmp_path, device="cpu").network, tiny.network)


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_weights_take_the_dtype_that_is_asked_for(tiny: Janus, tiny_folder: Path, name: str) -> None:
    loaded = load(tiny_folder, device="cpu", dtype=name)
    dtype = getattr(torch, name)
    assert loaded.dtype == dtype
    precise, rest = set[torch.dtype](), set[torch.dtype]()
    for part, weight in loaded.network.named_parameters():
        (precise if part.startswith(checkpoint.PRECISE) else rest).add(weight.dtype)
    assert (precise, rest) == ({torch.float32}, {dtype})
    assert torch.equal(loaded.network.lm_head.weight, tiny.network.lm_head.weight.to(dtype))
    rotary = loaded.network.model.language_model.rotary_emb
    assert rotary.inv_freq.dtype == torch.float32  # positions of thousands need it


def test_the_text_head_is_tied_only_where_the_file_says_so_and_has_none(folder: Path) -> None:
    change(folder, tie_word_embeddings=True)
    network = load(folder, device="cpu").network
    assert not torch.equal(network.lm_head.weight, network.get_input_embeddings().weight)
    edit(folder / "model.safetensors", without="lm_head.weight")
    network = load(folder, device="cpu").network
    assert network.lm_head.weight is network.get_input_embeddings().weight
    file = folder / "config.json"
    told = json.loads(file.read_text())
    del told["tie_word_embeddings"]  # transformers assumes that it is tied then
    for silent in (told, told | {"tie_word_embeddings": False}, told):
        file.write_text(json.dumps(silent))
        with pytest.raises(CheckpointError, match=r"lack lm_head\.weight"):
            load(folder, device="cpu")


def test_a_last_shard_that_was_not_copied_is_missed_even_without_the_index(tmp_path: Path) -> None:
    maker.write(tmp_path, max_shard_size="1MB")
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    del index["metadata"]
    places = index["weight_map"]
    places["lm_head.weight"] = places["model.aligner.fc1.weight"]  # the name is there, the tensor in no shard
    change(tmp_path, tie_word_embeddings=True)
    for shard in set(places.values()):
        edit(tmp_path / shard, without="lm_head.weight")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(
        CheckpointError, match=r"the shards lack lm_head\.weight, which model\.safetensors\.index\.json"
    ):
        load(tmp_path, device="cpu")


def test_no_random_weight_is_left_and_no_foreign_one_is_dropped(folder: Path) -> None:
    file = folder / "model.safetensors"
    edit(file, without="model.aligner.fc1.weight", model__aligner__fc1__scale=torch.ones(1))
    with pytest.raises(CheckpointError, match=r"checkpoint: the weights lack model\.aligner\.fc1\.weight\. What may"):
        load(folder, device="cpu")
    edit(file, model__aligner__fc1__weight=torch.ones(64, 64))
    with pytest.raises(CheckpointError, match=r"hold model\.aligner\.fc1\.scale, which Janus-Pro does not have"):
        load(folder, device="cpu")
    edit(file, without="model.aligner.fc1.scale", model__aligner__fc1__weight=torch.ones(64, 32))
    with pytest.raises(CheckpointError, match=r"fc1\.weight is \(64, 32\) in the file and \(64, 64\) by config\.json"):
        load(folder, device="cpu")


def test_a_tokenizer_larger_than_the_network_is_refused(folder: Path) -> None:
    tokenizer = maker.tokenizer()
    tokenizer.add_tokens([f"word{i}" for i in range(10)])
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(CheckpointError, match=r"tokenizer\.json has 280 tokens, but the network 272"):
        load(folder, device="cpu")


def test_a_device_or_dtype_that_is_not_there_is_named(tiny_folder: Path) -> None:
    with pytest.raises(CheckpointError, match="Device abacus can't be used here"):
        load(tiny_folder, device="abacus")
    with pytest.raises(CheckpointError, match=r"no dtype int4\. It is one of auto, float32, bfloat16, float16"):
        load(tiny_folder, device="cpu", dtype="int4")


@pytest.mark.parametrize(("own", "expected"), [(True, torch.bfloat16), (False, torch.float16)])
def test_the_default_on_cuda_is_bfloat16_where_the_card_computes_in_it(
    own: bool, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = []

    @contextmanager
    def device(target: torch.device) -> Iterator[None]:
        entered.append(target)
        yield

    def is_bf16_supported(including_emulation: bool = True) -> bool:
        return including_emulation or own

    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    second = torch.device("cuda", 1)
    assert checkpoint.choose_dtype("auto", second) == expected
    assert entered == [second]  # that question is about the card in use


def test_the_default_elsewhere_is_float32() -> None:
    assert {checkpoint.choose_dtype("auto", torch.device(name)) for name in ("mps", "cpu")} == {torch.float32}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells a process's peak anew")
def test_loading_holds_one_copy(tmp_path: Path) -> None:
    """The peak of the process grows by little more than the weights: 40 MB here, in tensors of 2 MB at most."""
    config = maker.config()
    config.text_config.hidden_size = config.vision_config.projection_dim = 512
    config.text_config.intermediate_size = 1024
    config.text_config.num_hidden_layers = 3
    config.text_config.head_dim = 256
    config.vq_config.projection_dim = config.vq_config.image_token_embed_dim = 512
    network = maker.network(config)
    folders = [maker.write(tmp_path / "ours", network), maker.write_deepseek(tmp_path / "theirs", network)]
    script = """
import re, sys
from pathlib import Path
from model.weights.checkpoint import load
def kilobytes(key):
    return int(re.search(key + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
load(sys.argv[1], device="cpu")  # whatever a first load imports
kept = []
for folder in sys.argv[1:]:
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = kilobytes("VmRSS")
    kept += [load(folder, device="cpu")]
    sum(weight.sum() for weight in kept[-1].network.parameters())  # mapped or not, all is read now
    print((kilobytes("VmHWM") - before) * 1024)
"""
    command = [sys.executable, "-c", script, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    grown = [int(line) for line in done.stdout.split()]
    size = sum(weight.numel() * weight.element_size() for weight in network.parameters())
    assert [round(peak / size, 1) for peak in grown] == pytest.approx([1, 1], abs=0.3)


def test_weights_that_the_catalogue_knows_are_asked_in_their_own_way(tmp_path: Path) -> None:
    drawn = {}
    for name in ("7b", "t2i-r1"):
        maker.write(tmp_path / name)
        prompts = load(name, device="cpu", weights=tmp_path).prompts
        drawn[name] = prompts.tokenizer.decode(prompts.drawing("a cat"), skip_special_tokens=False)
    assert "<|User|>: a cat" in drawn["7b"]
    assert "User: a cat" in drawn["t2i-r1"].replace("<|User|>", "?")
