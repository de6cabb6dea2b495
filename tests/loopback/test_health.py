"""What a watcher is told: of a gateway that is there or cut, of an engine in every state, of calls that fail."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import aiohttp
import pytest
from aiohttp import web
from discord.backoff import ExponentialBackoff

from bot import app
from bot.app import run_bot
from bot.config import ROOT, Health, Settings, SettingsError, Store
from bot.core.client import JanusBot
from model.requests import Drawing, Failed, Kind
from model.status import Replica, Status
from tests.bot.scripted import ScriptedExecutor, pictures
from tests.loopback.discord_server import Discord
from tests.loopback.test_faults import answers, executor, server, until

__all__ = ["executor", "server"]


class Watcher:
    """Whoever keeps the bot running."""

    def __init__(self, http: aiohttp.ClientSession, port: int, bots: list[JanusBot]) -> None:
        self._http = http
        self._base = f"http://127.0.0.1:{port}"
        self._bots = bots

    @property
    def bot(self) -> JanusBot:
        (bot,) = self._bots
        return bot

    async def health(self) -> tuple[int, dict[str, object]]:
        async with self._http.get(f"{self._base}/healthz") as response:
            return response.status, await response.json()

    async def metrics(self) -> str:
        async with self._http.get(f"{self._base}/metrics") as response:
            assert response.headers["Content-Type"].startswith("text/plain")
            return await response.text()

    async def figure(self, name: str) -> float:
        (value,) = re.findall(rf"^{re.escape(name)} (.+)$", await self.metrics(), re.MULTILINE)
        return float(value)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
        return number


@pytest.fixture
async def watcher(
    server: Discord, executor: ScriptedExecutor, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Watcher]:
    bots: list[JanusBot] = []

    class Noted(JanusBot):
        def __init__(self, *given: Any, **options: Any) -> None:
            super().__init__(*given, **options)
            self._connection.guild_ready_timeout = 0.01  # seconds without one more server, after which it is ready
            bots.append(self)

        async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
            """Wait no five seconds, as Discord wants it."""

    monkeypatch.setattr(app, "JanusBot", Noted)
    monkeypatch.setenv("DISCORD_TOKEN", "a-token")
    settings = Settings(store=Store(folder=tmp_path), health=Health(port=port))
    running = asyncio.create_task(run_bot(settings, executor))
    await until(server.identified.is_set)
    async with aiohttp.ClientSession() as http:
        yield Watcher(http, port, bots)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def until_told(watcher: Watcher, told: Callable[[tuple[int, dict[str, object]]], bool]) -> None:
    async with asyncio.timeout(60):
        while not told(await watcher.health()):  # noqa: ASYNC110 (of a bot that knows nothing of the test)
            await asyncio.sleep(0.01)


async def test_ready_only_when_the_gateway_and_the_engine_are(watcher: Watcher, executor: ScriptedExecutor) -> None:
    await until_told(
        watcher, lambda told: told == (200, {"ready": True, "gateway": "ready", "engine": "ready", "store": "ready"})
    )
    for state in ("loading", "failed", "closed"):
        executor.becomes(state=state)
        assert await watcher.health() == (503, {"ready": False, "gateway": "ready", "engine": state, "store": "ready"})
        assert await watcher.figure("janus_engine_ready") == 0
    executor.becomes(state="loading", reason="The engine: it died of SystemExit. It is opened again.", deaths=1)
    status, told = await watcher.health()
    assert (status, told["engine"]) == (503, "loading")
    assert "SystemExit" in str(told["engine_trouble"])
    assert await watcher.figure("janus_engine_deaths_total") == 1


async def test_with_replicas_it_is_ready_while_one_is_and_figures_are_by_replica(
    watcher: Watcher, executor: ScriptedExecutor
) -> None:
    one = Replica("1", Status(state="ready", model="7b", running=2, rows=20, steps=100, step_seconds=0.05))
    two = Replica("2", Status(state="loading", model="7b", reason="It died. It is started again.", deaths=1))
    gone = Replica("3", Status(state="closed", model="7b"), draining=True)
    executor.becomes(replicas=(one, two, gone), reason="It died. It is started again.")
    await until_told(watcher, lambda told: told[0] == 200)
    _, told = await watcher.health()
    assert told["replicas"] == {"1": "ready", "2": "loading", "3": "draining"}
    assert [await watcher.figure(f'janus_engine_ready{{replica="{name}"}}') for name in "12"] == [1, 0]
    assert [await watcher.figure(f'janus_rows{{replica="{name}"}}') for name in "12"] == [20, 0]
    assert await watcher.figure('janus_engine_deaths_total{replica="2"}') == 1
    figures = await watcher.metrics()
    assert 'replica="3"' not in figures  # an alert would go off
    assert not re.search(r"^janus_engine_ready ", figures, re.MULTILINE)
    assert figures.count("janus_step_seconds{") == 1


async def test_a_cut_gateway_is_told_until_it_is_mended(
    watcher: Watcher, server: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExponentialBackoff, "delay", lambda backoff: 0.01)  # between two attempts to connect
    await until_told(watcher, lambda told: told[0] == 200)
    mended = asyncio.Event()

    async def out_of_order(request: web.Request) -> web.Response:
        await mended.wait()
        return web.Response(status=503)  # and the next attempt finds the gateway

    server.faults.append(("GET", "/gateway", out_of_order))
    await server.cut()
    await until_told(
        watcher,
        lambda told: told == (503, {"ready": False, "gateway": "not connected", "engine": "ready", "store": "ready"}),
    )
    mended.set()
    await until_told(watcher, lambda told: told[0] == 200)


async def test_what_happens_is_counted(watcher: Watcher, server: Discord, executor: ScriptedExecutor) -> None:
    await until_told(watcher, lambda told: told[0] == 200)
    executor.becomes(queued=3, running=2, rows=20, steps=1234, step_seconds=0.05)
    for name, value in {
        "queued": 3,
        "running": 2,
        "rows": 20,
        "decode_steps_total": 1234,
        "step_seconds": 0.05,
    }.items():
        assert await watcher.figure(f"janus_{name}") == value
    refusal = {"code": 50013, "message": "Missing Permissions"}
    server.faults.append(("PATCH", "/messages/@original", answers(403, refusal)))
    for prompt in ("one", "two"):
        await server.slash("imagine", prompt=prompt)
    await until(lambda: len(executor.jobs) == 2)
    done, failed = executor.jobs
    assert isinstance(done.request, Drawing)
    done.tell(pictures(done.request))
    failed.tell(Failed("out of memory", "memory"))
    await until(lambda: 'janus_jobs_total{kind="drawing",outcome="memory"} 1.0' in watcher.bot.metrics.text().decode())
    assert await watcher.figure('janus_jobs_total{kind="drawing",outcome="done"}') == 1
    assert await watcher.figure('janus_stage_seconds_sum{kind="drawing",stage="decode"}') == 2.0
    await until(lambda: 'janus_discord_errors_total{error="403"} 1.0' in watcher.bot.metrics.text().decode())


async def test_the_alerts_and_the_dashboard_ask_for_what_is_there(watcher: Watcher, executor: ScriptedExecutor) -> None:
    executor.becomes(step_seconds=0.05)
    told = set(re.findall(r"^(\w+)", await watcher.metrics(), re.MULTILINE))
    alerts = (ROOT / "monitoring/alerts.yml").read_text()
    board = json.loads((ROOT / "monitoring/dashboard.json").read_text())
    expressions = re.findall(r"expr: (.+)", alerts)
    expressions += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked = {name for expression in expressions for name in re.findall(r"(?:janus|process)_\w+", expression)}
    assert len(asked) > 8
    assert asked <= told
    assert all(len(re.findall(r"\b(?:janus_|process_|up\b)", one)) == one.count("{job=") for one in expressions)


async def test_all_that_is_counted_is_there_from_the_start_at_zero(watcher: Watcher) -> None:
    for kind in get_args(Kind):
        for outcome in ("done", "cancelled", *get_args(get_type_hints(Failed)["kind"])):
            assert await watcher.figure(f'janus_jobs_total{{kind="{kind}",outcome="{outcome}"}}') == 0
        assert await watcher.figure(f'janus_stage_seconds_count{{kind="{kind}",stage="queue"}}') == 0
    assert await watcher.figure('janus_discord_errors_total{error="500"}') == 0


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool on this machine")
def test_the_alerts_do_what_they_are_for_in_the_real_program() -> None:
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]):
        done = subprocess.run(
            ["promtool", *command], cwd=ROOT / "monitoring", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


async def test_a_port_that_is_taken_is_one_plain_sentence(
    tmp_path: Path, executor: ScriptedExecutor, port: int
) -> None:
    settings = Settings(store=Store(folder=tmp_path), health=Health(port=port))
    with socket.create_server(("127.0.0.1", port)), pytest.raises(SettingsError, match=f"health.port: .*:{port} "):
        await run_bot(settings, executor)


async def test_there_is_no_port_unless_one_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def start(bot: JanusBot, token: str) -> None:
        raise ConnectionError

    def listen(*given: object) -> None:
        raise AssertionError("nobody asked for this")

    monkeypatch.setenv("DISCORD_TOKEN", "a-token")
    monkeypatch.setattr("bot.core.starting.serve", start)
    monkeypatch.setattr("aiohttp.web.TCPSite.__init__", listen)
    with pytest.raises(ConnectionError):
        await run_bot(Settings(store=Store(folder=tmp_path)), ScriptedExecutor())
