"""The playground's page, spoken to as its browser side does, so that each step comes exactly when it shall."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp
import discord
import pytest

from bot.cli import playground as module
from bot.cli.page import LivePreview
from bot.cli.playground import playground
from bot.config import Health, Settings
from bot.texts import CATALOGUES, ENGLISH
from model.requests import Drawing, Executor, Progress, Started
from tests.bot.conftest import World
from tests.bot.scripted import ScriptedExecutor, pictures

SECONDS = 60


class Visitor:
    """One tab of a browser."""

    def __init__(self, http: aiohttp.ClientSession, base: str, capability: str) -> None:
        self._http = http
        self._base = base
        self._headers = {"X-Simcord-Capability": capability}
        self._sequence = count(1)
        self.seen: dict[str, Any] = {}

    async def open(self, viewer: int = 0) -> None:
        """Open the page, and look at it as one of the members."""
        self.seen = await self._call("POST", "/api/pages", json={})
        self._headers["X-Simcord-Context"] = self.seen["context"]["id"]
        who = self.seen["viewers"][viewer]["id"]
        if who != self.seen["viewerId"]:
            self.seen = await self._call("POST", "/api/pages", json={"viewer_id": who})
            self._headers["X-Simcord-Context"] = self.seen["context"]["id"]

    async def look(self) -> str:
        """Take in the newest state; return all that it shows."""
        self.seen = await self._call("GET", "/api/state")
        return json.dumps(self.seen["messages"], ensure_ascii=False)

    async def until_it_shows(self, words: str) -> None:
        async with asyncio.timeout(SECONDS):
            while words not in await self.look():  # noqa: ASYNC110 (of a server that knows nothing of the test)
                await asyncio.sleep(0.05)

    async def until_an_answer_is_missed(self) -> None:
        """Ask for the state until it is a newer one, but act as if that had come a moment too late."""
        async with asyncio.timeout(SECONDS):
            while (await self._call("GET", "/api/state"))["publishedRevision"] == self.seen["publishedRevision"]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def command(self, name: str, options: dict[str, Any]) -> dict[str, Any]:
        catalog = await self._call("GET", "/api/commands")
        (entry,) = [entry for entry in catalog["entries"] if entry["invocation"] == name]
        chosen = {
            "command_id": entry["commandId"],
            "path": entry["path"],
            "schema_fingerprint": entry["schemaFingerprint"],
            "options": options,
        }
        return await self._act("run_command", **chosen)

    async def press(self, label: str) -> dict[str, Any]:
        (button,) = [part for part in walk(self.seen["messages"]) if part.get("label") == label]
        target = button["control_key"].split(":")[1]
        return await self._act("click", control_key=button["control_key"], target_id=target)

    async def _act(self, kind: str, **fields: Any) -> dict[str, Any]:
        sequence = next(self._sequence)
        body = {
            "protocol_version": 3,
            "sequence": sequence,
            "request_id": f"request-{sequence}",
            "generation": self.seen["context"]["generation"],
            "bot_generation": self.seen["botGeneration"],
            "published_revision": self.seen["publishedRevision"],
            "kind": kind,
            **fields,
        }
        return await self._call("POST", "/api/action", json=body)

    async def _call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        async with self._http.request(method, self._base + path, headers=self._headers, **more) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == 200, answer
            return answer


def walk(part: Any) -> list[dict[str, Any]]:
    if isinstance(part, list):
        return [found for child in part for found in walk(child)]
    return [part, *walk(list(part.values()))] if isinstance(part, dict) else []


@asynccontextmanager
async def served(settings: Settings, executor: Executor) -> AsyncIterator[str]:
    """The playground's address, while it is served."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(playground(settings, executor, told.set_result))
    first: set[asyncio.Future[Any]] = {told, serving}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    yield await told
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
async def address(executor: ScriptedExecutor) -> AsyncIterator[str]:
    async with served(Settings(), executor) as address:
        yield address


@asynccontextmanager
async def visiting(address: str, how_many: int) -> AsyncIterator[list[Visitor]]:
    """So many tabs, each of which looks as another member."""
    base, _, capability = address.partition("/#")
    async with aiohttp.ClientSession() as http:
        visitors = [Visitor(http, base, capability) for _ in range(how_many)]
        for number, visitor in enumerate(visitors):
            await visitor.open(number)
        yield visitors


@pytest.fixture
async def visitors(address: str) -> AsyncIterator[tuple[Visitor, Visitor, Visitor]]:
    async with visiting(address, len(module.VIEWERS)) as (you, other, moderator):
        yield you, other, moderator


async def test_what_is_typed_while_the_page_is_published_anew_is_not_lost(
    visitors: tuple[Visitor, Visitor, Visitor], executor: ScriptedExecutor
) -> None:
    you, other, _ = visitors
    for number in range(2):
        assert not (await other.command("imagine", {"prompt": f"picture {number}"}))["rejected"]
        for job in executor.jobs:
            job.tell(Started(), Progress(number + 1, 10))
        await other.look()
        seen = you.seen["publishedRevision"]
        receipt = await you.command("imagine", {"prompt": f"mine {number}"})
        assert receipt["settlement"] == "settled"
        await you.look()
        assert you.seen["publishedRevision"] > seen + 1  # there was something to miss
    asked = [job.request.prompt for job in executor.jobs if isinstance(job.request, Drawing)]
    assert [prompt for prompt in asked if prompt.startswith("mine")] == ["mine 0", "mine 1"]


async def test_a_press_on_an_older_page_counts(
    visitors: tuple[Visitor, Visitor, Visitor], executor: ScriptedExecutor
) -> None:
    you, _, _ = visitors
    await you.command("imagine", {"prompt": "a red circle"})
    await you.until_it_shows("Cancel")
    executor.job.tell(Started(), Progress(5, 10))
    await you.until_an_answer_is_missed()
    assert (await you.press("Cancel"))["settlement"] == "settled"
    assert executor.job.cancelled


async def test_a_press_never_counts_for_a_button_that_took_the_place_of_another(world: World) -> None:
    def view(custom_id: str) -> discord.ui.View:
        return discord.ui.View(timeout=None).add_item(discord.ui.Button(label="Press", custom_id=custom_id))

    channel = world.bot.get_channel(world.channel.id)
    assert isinstance(channel, discord.TextChannel)
    message = await channel.send(view=view("first"))
    async with LivePreview(world.env, world.channel, [world.alice], 0) as page, visiting(page.url, 1) as (visitor,):
        await visitor.until_it_shows("first")
        await message.edit(view=view("second"), allowed_mentions=discord.AllowedMentions.none())
        await visitor.until_an_answer_is_missed()
        assert [item["code"] for item in (await visitor.press("Press"))["diagnostics"]] == ["stale-revision"]


async def test_another_member_is_refused_and_a_moderator_is_not(
    visitors: tuple[Visitor, Visitor, Visitor], executor: ScriptedExecutor
) -> None:
    you, other, moderator = visitors
    await you.command("imagine", {"prompt": "a red circle"})
    await other.until_it_shows("Cancel")
    await other.press("Cancel")
    await other.until_it_shows("Only the member who asked")
    assert "Only the member who asked" not in await you.look()
    assert not executor.job.cancelled
    await moderator.until_it_shows("Cancel")
    await moderator.press("Cancel")
    await you.until_it_shows("Cancelled")
    assert executor.job.cancelled


async def test_a_refusal_is_no_error_to_the_page(
    visitors: tuple[Visitor, Visitor, Visitor], executor: ScriptedExecutor
) -> None:
    you, _, _ = visitors
    receipt = await you.command("imagine", {"prompt": "   "})
    assert (receipt["settlement"], receipt["uncertain"], receipt["diagnostics"]) == ("settled", False, [])
    await you.until_it_shows("The prompt is empty")
    assert executor.jobs == []


async def test_it_promises_what_the_page_can(address: str) -> None:
    async with visiting(address, len(module.VIEWERS) + 1) as (you, *_, other):
        greeting = await you.look()
        assert "reports" in greeting.lower()
        catalog = await you._call("GET", "/api/commands")
        assert {entry["invocation"] for entry in catalog["entries"]} >= {"imagine", "ask", "help"}
        for visitor in (you, other):  # and who reads another language types the names that the page has
            await visitor.command("help", {})
            await visitor.until_it_shows('"label": "/imagine"')
            assert "Apps" not in await visitor.look()


async def test_the_greeting_says_who_has_the_command_that_a_member_lacks(
    visitors: tuple[Visitor, Visitor, Visitor],
) -> None:
    you, _, moderator = visitors
    greeting = await you.look()
    assert "a moderator has " in greeting
    assert "/settings" in greeting
    catalogues = [await visitor._call("GET", "/api/commands") for visitor in (you, moderator)]
    has = ["settings" in {entry["invocation"] for entry in catalogue["entries"]} for catalogue in catalogues]
    assert has == [False, True]


async def test_the_page_has_our_name(address: str) -> None:
    base, _, _ = address.partition("/#")
    async with aiohttp.ClientSession() as http, http.get(f"{base}/") as answer:
        page = await answer.text()
    assert "<title>janus-bot playground</title>" in page
    assert "SimCord</strong>" not in page


async def test_it_serves_metrics_where_a_port_is_set(executor: ScriptedExecutor, unused_tcp_port: int) -> None:
    metrics = f"http://127.0.0.1:{unused_tcp_port}/metrics"
    settings = Settings(health=Health(port=unused_tcp_port))
    async with served(settings, executor), aiohttp.ClientSession() as http, http.get(metrics) as answer:
        assert "janus_engine_ready 1.0" in await answer.text()


async def test_every_language_has_a_member_who_uses_it(address: str) -> None:
    languages = [texts for texts in dict.fromkeys(CATALOGUES.values()) if texts is not ENGLISH]
    first = len(module.VIEWERS)
    async with visiting(address, first + len(languages)) as visitors:
        for visitor, texts in zip(visitors[first:], languages, strict=True):
            await visitor.command("status", {})
            await visitor.until_it_shows(texts.status_ready.format(model="demo"))
        await visitors[0].command("status", {})
        await visitors[0].until_it_shows(ENGLISH.status_ready.format(model="demo"))


async def test_the_oldest_pictures_expire_before_the_memory_does(
    visitors: tuple[Visitor, Visitor, Visitor], executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    you, _, _ = visitors

    async def draw(prompt: str) -> None:
        await you.command("imagine", {"prompt": prompt})
        await you.until_it_shows(prompt)
        request = executor.jobs[-1].request
        assert isinstance(request, Drawing)
        executor.jobs[-1].tell(pictures(request))
        async with asyncio.timeout(SECONDS):
            while len(files(prompt)) < request.count:
                await you.look()

    def files(prompt: str) -> list[dict[str, Any]]:
        (message,) = [message for message in you.seen["messages"].values() if prompt in str(message)]
        attachments: list[dict[str, Any]] = message["attachments"]
        return attachments

    await draw("the older ones")
    sizes = [file["size"] for file in files("the older ones")]
    monkeypatch.setattr(module, "FILE_BYTES", sum(sizes) + min(sizes) // 2)  # five of about this size, not six
    await draw("the newer ones")
    assert len(files("the newer ones")) == 5
    async with asyncio.timeout(SECONDS):
        while any(file["available"] for file in files("the older ones")):
            await asyncio.sleep(module.TICK)
            await you.command("status", {})  # the page looks anew at what changed
            await you.look()
    assert all(file["available"] for file in files("the newer ones"))


async def test_a_clock_that_fails_ends_the_playground_aloud(
    executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(env: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "_forget_the_oldest", fail)
    with pytest.raises(ZeroDivisionError):
        await playground(Settings(), executor, lambda address: None)
