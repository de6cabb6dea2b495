"""What tests of the model share."""

import pytest

from model.engine.engine import Engine
from model.network.upscaler import Lanczos
from model.settings import EngineSettings
from model.weights.checkpoint import Janus


@pytest.fixture(scope="module")
def engine(tiny: Janus) -> Engine:
    return Engine(tiny, Lanczos(), EngineSettings(prefill_tokens=16))
