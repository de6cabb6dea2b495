"""Names and places of weights."""

from pathlib import Path

import pytest

from model.weights.names import CATALOGUE, JANUS_PRO, CheckpointError, folder_of, hub_id, known, locate, locate_upscaler


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    for file in (
        "demo/upscaler.safetensors",
        "realesrgan/RealESRGAN_x2.pth",
        "demo/config.json",
        "mine--own/upscaler.safetensors",
    ):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    return tmp_path


def test_a_name_means_one_place(tmp_path: Path) -> None:
    assert hub_id("7b") == "deepseek-community/Janus-Pro-7B"
    assert hub_id("t2i-r1") == "CaraJ/T2I-R1"
    assert folder_of("t2i-r1", tmp_path) == tmp_path / "t2i-r1"
    assert hub_id("somebody/something") == "somebody/something"
    assert hub_id("/srv/models/mine") is None
    assert folder_of("somebody/something", tmp_path) == tmp_path / "somebody--something"
    assert folder_of(str(tmp_path), tmp_path / "weights") == tmp_path


def test_a_folder_that_looks_like_a_hub_id_is_that_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "somebody" / "something").mkdir(parents=True)
    assert hub_id("somebody/something") is None
    assert folder_of("somebody/something") == Path("somebody/something")


def test_weights_that_are_not_there_say_what_to_run(weights: Path) -> None:
    assert locate("demo", weights) == weights / "demo"
    with pytest.raises(CheckpointError, match="janus-bot download 7b"):
        locate("7b", weights)
    with pytest.raises(CheckpointError, match="Models: demo, 1b, 7b"):
        locate("8b", weights)
    with pytest.raises(CheckpointError, match=r"holds no config\.json"):
        locate(str(weights / "realesrgan"), weights)


@pytest.mark.parametrize(
    ("name", "model", "file"),
    [
        ("auto", "demo", "demo/upscaler.safetensors"),
        ("auto", "mine/own", "mine--own/upscaler.safetensors"),
        ("auto", "7b", "realesrgan/RealESRGAN_x2.pth"),
        ("demo", "7b", "demo/upscaler.safetensors"),
        ("realesrgan", "demo", "realesrgan/RealESRGAN_x2.pth"),
    ],
)
def test_the_upscaler_goes_with_the_model_unless_one_is_named(weights: Path, name: str, model: str, file: str) -> None:
    assert locate_upscaler(name, model, weights) == weights / file


def test_an_upscaler_is_never_replaced_in_silence(weights: Path) -> None:
    assert locate_upscaler("lanczos", "7b", weights) is None
    (weights / "realesrgan" / "RealESRGAN_x2.pth").unlink()
    with pytest.raises(CheckpointError, match="janus-bot download upscaler"):
        locate_upscaler("auto", "7b", weights)
    with pytest.raises(CheckpointError, match="auto, demo, realesrgan, lanczos"):
        locate_upscaler("/nowhere.pth", "7b", weights)


def test_a_home_of_nobody_is_only_a_name(tmp_path: Path) -> None:
    assert folder_of("~nobody here/x", tmp_path) == Path("~nobody here/x")
    assert folder_of("~/x", tmp_path) == Path.home() / "x"


def test_the_catalogue_tells_by_name_and_by_hub_id_what_nobody_has_tried() -> None:
    assert known("t2i-r1") is known("CaraJ/T2I-R1") is CATALOGUE["t2i-r1"]
    assert known("somebody/something") is JANUS_PRO
    assert known("demo").judging != JANUS_PRO.judging == known("7b").judging
    tried = [name for name, one in CATALOGUE.items() if not one.source]
    assert tried == ["1b", "7b"]
    assert all(one.remark and "github.com/" in one.source for name, one in CATALOGUE.items() if name not in tried)
    assert {one.roles for one in CATALOGUE.values()} == {None, ("User", "Assistant")}
