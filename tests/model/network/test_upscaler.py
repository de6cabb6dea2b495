"""Enlarging: the arithmetic, large pictures, and files that are no upscaler."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file

from model.bench.plain import tiled
from model.network import upscaler as module
from model.network.upscaler import Lanczos, RealESRGAN, Upscaler, load
from model.requests import Refused
from model.weights.names import CheckpointError
from tests import tiny as maker

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> RealESRGAN:
    loaded = load(maker.write_upscaler(tmp_path_factory.mktemp("upscaler") / "x2.pth"), device=CPU)
    assert isinstance(loaded, RealESRGAN)
    return loaded


def photo(width: int, height: int) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x % 256, y % 256, (x * y) % 256], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


def test_pixels_are_the_networks_output_truncated(upscaler: RealESRGAN) -> None:
    picture = photo(24, 20)
    with torch.no_grad():
        bordered = np.pad(np.asarray(picture), ((15, 15), (15, 15), (0, 0)), "symmetric")
        pixels = torch.tensor(bordered, dtype=torch.float32).permute(2, 0, 1)[None] / 255
        output = upscaler.network.model(pixels)[0].permute(1, 2, 0)[30:-30, 30:-30]
    expected = np.floor(output.double().clamp(0, 1).numpy() * 255)
    assert (np.asarray(upscaler(picture)) == expected).all()
    assert 20 < expected.mean() < 235  # nothing was all clipped


@pytest.mark.parametrize("size", [(1, 1), (17, 30), (33, 5)])
def test_any_size_is_doubled(upscaler: RealESRGAN, size: tuple[int, int]) -> None:
    assert upscaler(photo(*size)).size == (2 * size[0], 2 * size[1])


def differences(upscaler: RealESRGAN, picture: Image.Image) -> NDArray[np.int16]:
    """Levels between ours and what the original program gives, value by value."""
    theirs = np.asarray(tiled(upscaler, picture), np.int16)
    assert theirs.std() > 20  # it is a picture
    found: NDArray[np.int16] = np.abs(np.asarray(upscaler(picture), np.int16) - theirs)
    return found


def test_a_network_of_the_real_size_gives_what_the_original_program_gives(tmp_path: Path) -> None:
    file = maker.write_upscaler(tmp_path / "x2.pth", features=64, blocks=23, contrast=0.03)
    real = load(file, device=CPU)
    assert isinstance(real, RealESRGAN)
    found = differences(real, photo(63, 44))
    assert found.shape == (88, 126, 3)
    assert found.max() <= 1
    assert (found > 0).mean() < 0.01


def test_tiles_make_no_difference_either(upscaler: RealESRGAN) -> None:
    found = differences(upscaler, photo(321, 300))  # with the original's border: two rows and two columns of tiles
    assert found.shape == (600, 642, 3)
    assert found.max() <= 1
    assert (found > 0).mean() < 1e-3


def test_a_large_picture_goes_in_frames_without_seams(upscaler: RealESRGAN, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = photo(150, 130)
    whole = np.asarray(upscaler(picture), np.int16)
    monkeypatch.setattr(module, "FRAME", 64)
    assert np.abs(np.asarray(upscaler(picture), np.int16) - whole).max() <= 1


@pytest.mark.parametrize("enlarge", [Lanczos(), "network"])
def test_too_large_a_picture_is_refused(upscaler: RealESRGAN, enlarge: Upscaler | str) -> None:
    with pytest.raises(Refused, match="5000 x 1 pixels"):
        (upscaler if isinstance(enlarge, str) else enlarge)(Image.new("RGB", (5000, 1)))


def test_lanczos_is_there_for_who_names_no_file() -> None:
    picture = photo(10, 8)
    assert load(None, device=CPU)(picture) == picture.resize((20, 16), Image.Resampling.LANCZOS)


def test_half_precision_on_disk_and_safetensors_load(upscaler: RealESRGAN, tmp_path: Path) -> None:
    state = torch.load(maker.write_upscaler(tmp_path / "x2.pth"), weights_only=True)["params_ema"]
    save_file({name: tensor.half() for name, tensor in state.items()}, tmp_path / "x2.safetensors")
    half = load(tmp_path / "x2.safetensors", device=CPU)
    picture = photo(32, 32)
    assert np.abs(np.asarray(half(picture), np.int16) - np.asarray(upscaler(picture), np.int16)).max() <= 2


def test_files_that_are_no_upscaler_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.pth is missing"):
        load(tmp_path / "none.pth", device=CPU)
    (tmp_path / "page.pth").write_text("<html>")
    with pytest.raises(CheckpointError, match=r"page\.pth is broken"):
        load(tmp_path / "page.pth", device=CPU)
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match=r"other\.safetensors is no upscaler"):
        load(tmp_path / "other.safetensors", device=CPU)
