"""From settings to a running executor. Its thread loads the model; here nothing waits and nothing imports torch."""

from typing import TYPE_CHECKING

from bot.config import Settings
from model.executor import ThreadExecutor
from model.requests import Executor
from model.settings import EngineSettings
from model.weights.names import locate, locate_upscaler

if TYPE_CHECKING:
    from model.engine.engine import Engine


def open_executor(settings: Settings, *, upscales: bool = True) -> Executor:
    """Start the thread that owns the model. Whoever opens an executor closes it.

    Without `upscales` the upscaler's weights need not be there; no request may then ask for it.
    """
    chosen = settings.model

    def open_engine() -> "Engine":
        from model.engine.engine import Engine
        from model.network import upscaler
        from model.weights import checkpoint

        locate(chosen.name)  # both are looked for first: that fails at once, while loading takes minutes
        file = locate_upscaler(chosen.upscaler, chosen.name) if upscales else None
        janus = checkpoint.load(chosen.name, device=chosen.device, dtype=chosen.dtype)
        return Engine(janus, upscaler.load(file, device=janus.device), EngineSettings(**settings.engine.model_dump()))

    return ThreadExecutor(open_engine, model=chosen.name)
