"""From settings to a running executor. Its thread loads the model; here nothing waits and nothing imports torch."""

from typing import TYPE_CHECKING

from bot.config import Settings
from model.catalogue import locate, locate_upscaler
from model.executor import ThreadExecutor
from model.requests import Executor
from model.settings import EngineSettings

if TYPE_CHECKING:
    from model.engine import Engine


def open_executor(settings: Settings, *, upscales: bool = True) -> Executor:
    """Start the thread that owns the model. Whoever opens an executor closes it.

    Without `upscales` the upscaler's weights need not be there; no request may then ask for it.
    """
    chosen = settings.model

    def open_engine() -> "Engine":
        from model import checkpoint, upscaler
        from model.engine import Engine

        locate(chosen.name)  # both are looked for first: that fails at once, while loading takes minutes
        file = locate_upscaler(chosen.upscaler, chosen.name) if upscales else None
        janus = checkpoint.load(chosen.name, device=chosen.device, dtype=chosen.dtype)
        return Engine(janus, upscaler.load(file, device=janus.device), EngineSettings(**settings.engine.model_dump()))

    return ThreadExecutor(open_engine, model=chosen.name)
