"""Downloads, against a small hub on loopback: interrupted and resumed, corrupted, no space, no network."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.weights import download
from model.weights.download import DownloadError, Plan, fetch, plan
from tests.hub import Hub, serve

REPOSITORY = "deepseek-community/Janus-Pro-1B"
WEIGHTS = bytes(range(256)) * 4000  # about 1 MB
MODEL = {
    "config.json": b'{"model_type": "janus"}',
    "model.safetensors": WEIGHTS,
    "pytorch_model.bin": b"the same weights once more",
    "pytorch_model.bin.index.json": b"{}",
    "tokenizer.json": b"{}",
    "empty.json": b"",
    "chat_template.jinja": b"{{ messages }}",
    "README.md": b"words",
    "figures/sheet.json": b"{}",
}
NEEDED = {"config.json", "model.safetensors", "tokenizer.json", "empty.json", "chat_template.jinja"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(download, "PAUSE", 0.0)
    with serve(
        {REPOSITORY: dict(MODEL), "ai-forever/Real-ESRGAN": {"RealESRGAN_x2.pth": b"x2", "x4.pth": b"x4"}}
    ) as hub:
        yield hub


def silent(what: str, done: int, size: int) -> None:
    assert 0 < done <= size


def planned(hub: Hub, weights: Path, name: str = "1b") -> Plan:
    return plan(name, weights, hub.address)


def complaint(hub: Hub, weights: Path, name: str = "1b") -> str:
    with pytest.raises(DownloadError) as caught:
        fetch(planned(hub, weights, name), silent)
    return str(caught.value)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_fetches_what_loading_needs_and_nothing_else(hub: Hub, tmp_path: Path) -> None:
    found = planned(hub, tmp_path)
    assert found.missing == found.size == sum(len(MODEL[name]) for name in NEEDED)
    steps: list[tuple[str, int, int]] = []
    fetch(found, lambda *step: steps.append(step))
    assert contents(tmp_path / "1b") == {name: MODEL[name] for name in NEEDED}
    assert ("fetching model.safetensors", len(WEIGHTS), len(WEIGHTS)) in steps
    assert ("verifying model.safetensors", len(WEIGHTS), len(WEIGHTS)) in steps
    assert found.missing == 0


def test_config_comes_last_so_that_a_folder_with_it_is_complete(hub: Hub, tmp_path: Path) -> None:
    fetch(planned(hub, tmp_path), silent)
    assert hub.asked[-1] == ("config.json", 0)


def test_without_safetensors_the_other_weights_are_fetched(hub: Hub, tmp_path: Path) -> None:
    del hub.repositories[REPOSITORY]["model.safetensors"]
    fetch(planned(hub, tmp_path), silent)
    assert {"pytorch_model.bin", "pytorch_model.bin.index.json"} <= set(contents(tmp_path / "1b"))


def test_the_upscaler_is_one_file(hub: Hub, tmp_path: Path) -> None:
    found = planned(hub, tmp_path, "upscaler")
    fetch(found, silent)
    assert contents(found.folder) == {"RealESRGAN_x2.pth": b"x2"}


def test_a_second_download_fetches_nothing_and_verifies(hub: Hub, tmp_path: Path) -> None:
    fetch(planned(hub, tmp_path), silent)
    hub.asked.clear()
    (tmp_path / "1b" / "tokenizer.json").write_bytes(b"[]")
    fetch(planned(hub, tmp_path), silent)
    assert hub.asked == [("tokenizer.json", 0)]


def test_a_short_break_is_overcome_without_a_word(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after = 400_000
    fetch(planned(hub, tmp_path), silent)
    assert (tmp_path / "1b" / "model.safetensors").read_bytes() == WEIGHTS
    assert [first for name, first in hub.asked if name == "model.safetensors"] == [0, 400_000, 800_000]


def test_a_broken_download_goes_on_in_the_next_one(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.cut_after = 400_000
    monkeypatch.setattr(download, "TRIES", 1)
    message = complaint(hub, tmp_path)
    assert "model.safetensors: the connection broke. 400.0 kB of 1.0 MB are here" in message
    assert not (tmp_path / "1b" / "config.json").exists()
    hub.cut_after = None
    found = planned(hub, tmp_path)
    assert found.size - found.missing > 400_000
    fetch(found, silent)
    assert contents(tmp_path / "1b") == {name: MODEL[name] for name in NEEDED}
    assert hub.sent == found.size


def test_a_hub_that_ignores_ranges_costs_time_but_not_the_file(hub: Hub, tmp_path: Path) -> None:
    part = planned(hub, tmp_path).files
    weights = next(file for file in part if file.path.name == "model.safetensors")
    weights.path.parent.mkdir()
    weights.part.write_bytes(WEIGHTS[:1000])
    hub.ranges = False
    fetch(planned(hub, tmp_path), silent)
    assert weights.path.read_bytes() == WEIGHTS
    assert not weights.part.exists()


def test_a_wrong_checksum_is_told_and_the_file_does_not_stay(hub: Hub, tmp_path: Path) -> None:
    hub.altered = {"model.safetensors", "tokenizer.json"}
    assert "model.safetensors: what came has another checksum" in complaint(hub, tmp_path)
    assert "model.safetensors" not in str(contents(tmp_path / "1b").keys())
    hub.altered = {"tokenizer.json"}  # a file of git, with the other kind of checksum
    assert "tokenizer.json: what came has another checksum" in complaint(hub, tmp_path)
    hub.altered = set()
    fetch(planned(hub, tmp_path), silent)
    assert contents(tmp_path / "1b") == {name: MODEL[name] for name in NEEDED}


def test_too_small_a_disk_is_refused_before_a_byte_is_fetched(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_001))
    message = complaint(hub, tmp_path)
    assert message.startswith("1b: 1.0 MB are still to fetch")
    assert "1.0 MB free" in message
    assert hub.asked == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full: Linux")
def test_a_disk_that_fills_up_on_the_way_is_told(hub: Hub, tmp_path: Path) -> None:
    found = planned(hub, tmp_path)
    weights = next(file for file in found.files if file.path.name == "model.safetensors")
    weights.path.parent.mkdir()
    weights.part.symlink_to("/dev/full")
    message = complaint(hub, tmp_path)
    assert os.strerror(errno.ENOSPC) in message
    assert str(tmp_path / "1b") in message


def test_a_hub_in_trouble_is_named_by_its_status(hub: Hub, tmp_path: Path) -> None:
    hub.broken = True
    assert "the hub answers with status 503" in complaint(hub, tmp_path)


def test_no_network(tmp_path: Path) -> None:
    with serve({}) as gone:
        pass
    assert "the hub can't be reached: check the network" in complaint(gone, tmp_path)


def test_an_unknown_name_or_repository(hub: Hub, tmp_path: Path) -> None:
    assert "There is nothing called 3b to download: 1b, 7b, janus-pro-r1-7b" in complaint(hub, tmp_path, "3b")
    assert "The hub has no somebody/something" in complaint(hub, tmp_path, "somebody/something")
    hub.repositories["somebody/something"] = {"README.md": b""}
    assert "holds no weights" in complaint(hub, tmp_path, "somebody/something")
    assert "can't be the name of a repository" in complaint(hub, tmp_path, "some--body/something")


def test_a_login_page_in_the_way_is_no_hub(hub: Hub, tmp_path: Path) -> None:
    hub.captive = True
    assert "What answers is no hub: check the network" in complaint(hub, tmp_path)


def test_a_token_that_has_expired_is_said_to_be_so(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = planned(hub, tmp_path)
    hub.expired = "hf_old"
    monkeypatch.setenv("HF_TOKEN", "hf_old")
    assert "does not take the token in HF_TOKEN, which may have expired" in complaint(hub, tmp_path)
    with pytest.raises(DownloadError, match="which may have expired"):
        fetch(found, silent)
    monkeypatch.setenv("HF_TOKEN", "hf_new")
    fetch(planned(hub, tmp_path), silent)
    assert contents(tmp_path / "1b") == {name: MODEL[name] for name in NEEDED}
