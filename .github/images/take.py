"""Takes the README's pictures: drives the playground with the demo model in a real browser.

    uv run python .github/images/take.py

Run it again whenever what they show has changed. Needs Chromium and the dev dependencies.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from playwright.async_api import Locator, Page, async_playwright, expect

from bot.cli.playground import playground
from bot.config import Settings
from model.engine import previews
from model.executor import open_here
from model.opening import open_executor
from model.requests import Event, Executor, Job, Preview, Progress, Request
from model.settings import EngineSettings, ExecutorSettings
from model.status import Status

E = TypeVar("E", bound=Executor)

HERE = Path(__file__).parent
PROMPT = "a large red circle above a small blue square on a white background"
HELD = 0.7  # where the panel's picture is taken
WHOLE = "images => images.every(image => image.complete && image.naturalWidth > 0)"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]


class Held:
    """An executor whose drawings stand still on their way until they are let go: a laptop draws too fast to be seen."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.let_go = asyncio.Event()

    async def submit(self, request: Request) -> Job:
        return HeldJob(await self._executor.submit(request), self.let_go)

    def status(self) -> Status:
        return self._executor.status()

    async def close(self) -> None:
        self.let_go.set()
        await self._executor.close()


class HeldJob:
    """One such job."""

    def __init__(self, job: Job, let_go: asyncio.Event) -> None:
        self.id = job.id
        self.cancel = job.cancel
        self._events = aiter(job)
        self._let_go = let_go
        self._still = False
        self._preview: Preview | None = None  # the newest, which comes when the bar stands still

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        if self._still and self._preview:
            event, self._preview = self._preview, None
            return event
        if self._still:
            await self._let_go.wait()
        event = await anext(self._events)
        while isinstance(event, Preview) and not self._let_go.is_set():
            self._preview = event
            event = await anext(self._events)
        self._still = isinstance(event, Progress) and event.done >= HELD * event.total
        return event


async def until_ready(executor: Executor) -> None:
    """Wait for the model, or the first drawing would say that it took as long as loading."""
    while True:
        status = executor.status()
        if "loading" not in {status.state, *(replica.status.state for replica in status.replicas)}:
            return
        await asyncio.sleep(0.1)


async def choose(page: Page, command: str) -> None:
    """Type a command's name and take it from the list."""
    box = page.get_by_role("textbox", name="Message", exact=True)
    await box.press_sequentially(f"/{command}")
    await page.get_by_role("option", name=f"/{command}").wait_for()
    await box.press("Enter")


async def newest(page: Page) -> Locator:
    """Return the newest message, when all its pictures are there."""
    message = page.get_by_role("article").last
    for _ in range(100):
        if await message.locator("img").evaluate_all(WHOLE):
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    return message


async def take(page: Page, executor: Held) -> None:
    """Draw, look, ask, and take a picture of each."""
    await choose(page, "imagine")
    await page.keyboard.type(PROMPT)
    await page.keyboard.press("Enter")
    await page.get_by_text(re.compile(r"7\d %")).last.wait_for()
    await asyncio.sleep(2)
    await (await newest(page)).screenshot(path=HERE / "panel.png")
    executor.let_go.set()
    await page.get_by_role("button", name="Again", exact=True).wait_for()
    gallery = await newest(page)
    await gallery.screenshot(path=HERE / "gallery.png")
    await page.screenshot(path=HERE / "playground.png")
    await page.get_by_role("button", name="1", exact=True).click()
    await page.get_by_role("button", name="Describe", exact=True).click()
    await page.get_by_role("button", name="Ask more", exact=True).wait_for()
    await (await newest(page)).screenshot(path=HERE / "answer.png")


async def take_status(page: Page, executor: Executor) -> None:
    """Have two replicas draw, and take a picture of what /status says meanwhile."""
    for number in range(2):
        await choose(page, "imagine")
        await page.keyboard.type(PROMPT)
        await page.keyboard.press("Enter")
        await page.get_by_role("article").nth(number + 1).wait_for()
    while any(not replica.status.running for replica in executor.status().replicas):  # noqa: ASYNC110 (nobody tells)
        await asyncio.sleep(0.1)
    await choose(page, "status")
    await page.keyboard.press("Enter")
    await page.get_by_role("article").filter(has_text="Replica 2").wait_for()
    await (await newest(page)).screenshot(path=HERE / "replicas.png")


async def in_a_browser(executor: E, settings: Settings, act: Callable[[Page, E], Awaitable[None]]) -> None:
    """Open the playground, and act on its page."""
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(playground(settings, executor, address.set_result))
    async with async_playwright() as browsers:
        browser = await browsers.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1100, "height": 1340})
        page.set_default_timeout(120_000)
        await page.goto(await address)
        await expect(page.get_by_role("status").filter(has_text="Viewport updated")).to_be_visible()
        await until_ready(executor)
        await act(page, executor)
        await browser.close()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def main() -> None:
    """Take all pictures: those with one model, then that of two replicas."""
    previews.FIRST_SECONDS = 0.3  # where a machine is quicker than this, half of it or less: look at panel.png
    settings = Settings(engine=EngineSettings(preview_share=1.0))
    await in_a_browser(Held(open_here(settings.model, settings.engine)), settings, take)
    await take_replicas()


async def take_replicas() -> None:
    """Take the picture of two replicas."""
    settings = Settings(executor=ExecutorSettings(backend="ray", replicas=2), engine=EngineSettings(rows=2, window=1))
    await in_a_browser(open_executor(settings.model, settings.engine, settings.executor), settings, take_status)


if __name__ == "__main__":
    asyncio.run(main())
