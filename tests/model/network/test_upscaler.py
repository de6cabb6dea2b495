"""Enlarging: the arithmetic, large pictures, and files that are no upscaler."""

from pathlib import Path

import numpy as np
import pytest
import torch
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
        pixels = torch.tensor(np.asarray(picture), dtype=torch.float32).permute(2, 0, 1)[None] / 255
        output = upscaler.network.model(pixels)[0].permute(1, 2, 0)
    expected = np.floor(output.double().clamp(0, 1).numpy() * 255)
    assert (np.asarray(upscaler(picture)) == expected).all()
    assert 20 < expected.mean() < 235  # nothing was all clipped


@pytest.mark.parametrize("size", [(1, 1), (17, 30), (33, 5)])
def test_any_size_is_doubled(upscaler: RealESRGAN, size: tuple[int, int]) -> None:
    assert upscaler(photo(*size)).size == (2 * size[0], 2 * size[1])


def test_away_from_the_seams_it_is_what_the_original_program_gives(upscaler: RealESRGAN) -> None:
    picture = photo(320, 300)  # with the original's mirrored border of 15 pixels: two rows and two columns of tiles
    # The border is odd, so that program reads pixels in other groups of 2 x 2; with the same border we do too.
    bordered = Image.fromarray(np.pad(np.asarray(picture), ((15, 15), (15, 15), (0, 0)), "symmetric"))
    ours = np.asarray(upscaler(bordered), np.int16)[30:-30, 30:-30]
    theirs = np.asarray(tiled(upscaler, picture), np.int16)
    assert theirs.shape == (600, 640, 3)
    seam, reach = 192 - 15, 48  # pixels: where tiles meet, and how far this small network looks
    near, far = np.s_[2 * reach : 2 * (seam - reach)], np.s_[2 * (seam + reach) : 2 * (300 - reach)]
    for part in ((near, near), (near, far), (far, near), (far, far)):
        assert np.abs(ours[part] - theirs[part]).max() <= 1


def test_a_large_picture_goes_in_frames_without_seams(upscaler: RealESRGAN, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = photo(150, 130)
    whole = np.asarray(upscaler(picture), np.int16)
    monkeypatch.setattr(module, "FRAME", 64)
    monkeypatch.setattr(module, "MARGIN", 48)
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
