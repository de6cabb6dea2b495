"""What tests of the model share."""

import pytest

from model.checkpoint import Janus
from model.engine import Engine
from model.settings import EngineSettings
from model.upscaler import Lanczos


@pytest.fixture(scope="module")
def engine(tiny: Janus) -> Engine:
    return Engine(tiny, Lanczos(), EngineSettings(prefill_tokens=16))
