"""What many tests need: the tiny checkpoint, written once a process."""

from pathlib import Path

import pytest
import torch

from model.weights.checkpoint import Janus, load
from tests import tiny as maker


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tests run beside each other, a process each: one thread is theirs."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint's folder, in transformers' layout. Not to be changed."""
    return maker.write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Janus:
    """The tiny checkpoint, loaded: float32, CPU."""
    return load(tiny_folder, device="cpu")
