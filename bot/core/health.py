"""/healthz and /metrics on a port of this machine, for whoever keeps the bot running."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from bot.config import SettingsError
from bot.core.client import JanusBot
from model.status import Replica


def health(bot: JanusBot) -> dict[str, object]:
    """Tell whether people are served, and what each part does: the gateway to Discord, and the engine.

    With replicas the engine is ready while one of them is.
    """
    engine = bot.executor.status()
    return {
        "ready": bot.connected and engine.state == "ready",
        "gateway": "ready" if bot.connected else "not connected",
        "engine": engine.state,
        **({"engine_trouble": engine.reason} if engine.reason else {}),
        **({"replicas": {replica.name: _state(replica) for replica in engine.replicas}} if engine.replicas else {}),
        "store": bot.store.database.trouble or "ready",
    }


def _state(replica: Replica) -> str:
    return "draining" if replica.draining else replica.status.state


@asynccontextmanager
async def serving_health(bot: JanusBot) -> AsyncIterator[None]:
    """Answer on the port that the settings name; on none if that is 0. Raises SettingsError if it is taken."""
    address, port = str(bot.settings.health.address), bot.settings.health.port
    if not port:
        yield
        return

    async def healthz(request: web.Request) -> web.Response:
        told = health(bot)
        return web.json_response(told, status=200 if told["ready"] else 503)

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(body=bot.metrics.text(), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, address, port).start()
        except OSError as error:
            raise SettingsError(f"health.port: {address}:{port} can't be listened on: {error.strerror}") from None
        yield
    finally:
        await runner.cleanup()
