"""The playground as a visitor meets it: a real browser, the real bot, executor and engine, on the tiny checkpoint."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image, ImageDraw
from playwright.async_api import Browser, Locator, Page, ViewportSize, async_playwright, expect

from bot.config import Settings
from model.executor import open_here
from model.requests import Drawing, Executor, Preview, Progress, Question, Started, Text
from model.settings import ModelSettings
from model.square import SIDE
from tests.bot.cli.test_playground import served
from tests.bot.samples import png
from tests.bot.scripted import ScriptedExecutor, answer, pictures

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
VIEWPORT: ViewportSize = {"width": 1200, "height": 1000}
PATIENCE = 90_000  # milliseconds: the machine may run other tests beside this one
expect.set_options(timeout=PATIENCE)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.asyncio(loop_scope="module"),  # a browser takes its time to start
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as browsers:
        browser = await browsers.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@asynccontextmanager
async def opened(browser: Browser, executor: Executor, settings: Settings) -> AsyncIterator[Page]:
    """The playground in a browser's tab."""
    async with tabs(browser, executor, settings, 1) as (page,):
        yield page


@asynccontextmanager
async def tabs(browser: Browser, executor: Executor, settings: Settings, how_many: int) -> AsyncIterator[list[Page]]:
    """The playground in a browser's tabs, each of which looks as another member."""
    async with served(settings, executor) as address, await browser.new_context(viewport=VIEWPORT) as context:
        context.set_default_timeout(PATIENCE)
        pages = [await context.new_page() for _ in range(how_many)]
        for number, page in enumerate(pages):
            await page.goto(address)
            await expect(page.get_by_role("status").filter(has_text="Viewport updated")).to_be_visible()
            await page.get_by_role("combobox", name="Viewing as").select_option(index=number)
        yield pages


async def choose(page: Page, command: str) -> None:
    """Type a command's name and take it from the list."""
    box = page.get_by_role("textbox", name="Message", exact=True)
    await box.press_sequentially(f"/{command}")
    await page.get_by_role("option", name=f"/{command}").wait_for()
    await box.press("Enter")


async def ask(page: Page, words: str) -> None:
    """Ask about a picture."""
    await choose(page, "ask")
    await page.locator("input[type=file]").set_input_files(
        {"name": "picture.png", "mimeType": "image/png", "buffer": png((64, 64))}
    )
    question = page.get_by_role("textbox", name="question")
    await question.fill(words)
    await question.press("Enter")


def half_drawn(count: int) -> Preview:
    """Shapes of which the upper half is there."""
    pictures = []
    for i in range(count):
        picture = Image.new("RGB", (256, 256), (250, 240, 200))
        ImageDraw.Draw(picture).ellipse((30 + 10 * i, 40, 200 + 10 * i, 210), fill="red")
        picture.paste((127, 127, 127), (0, 128, 256, 256))
        pictures.append(picture)
    return Preview(tuple(pictures))


def message(page: Page, words: str) -> Locator:
    return page.get_by_role("log").get_by_role("article").filter(has_text="used /").filter(has_text=words)


async def test_a_visitor_watches_a_drawing(browser: Browser, tmp_path: Path) -> None:
    """A scripted executor, because a real one is done before one can look."""
    executor = ScriptedExecutor()
    async with opened(browser, executor, Settings()) as page:
        await expect(page.get_by_role("log")).to_contain_text("This is the demo model")
        await choose(page, "imagine")
        prompt = page.get_by_role("textbox", name="prompt")
        await prompt.fill("a large red circle")
        await prompt.press("Enter")
        drawing = message(page, "a large red circle")
        await expect(drawing).to_contain_text("Getting ready")
        executor.job.tell(Started(), Progress(288, 576, 7.0), half_drawn(5))
        await expect(drawing).to_contain_text("50 %, about 7 s left")
        for i in range(5):
            await expect(drawing.get_by_role("img").nth(i)).to_have_js_property("naturalWidth", 256)
        await page.screenshot(path=tmp_path / "panel.png")
        executor.job.tell(pictures(executor.drawing, side=256))
        await expect(drawing.get_by_role("img", name="a large red circle")).to_have_count(5)
        for i in range(5):
            await expect(drawing.get_by_role("img").nth(i)).to_have_js_property("naturalWidth", 256)
        await expect(drawing).to_contain_text("guidance 5")
        await page.screenshot(path=tmp_path / "gallery.png")


async def test_a_visitor_goes_on_from_a_picture(browser: Browser, tmp_path: Path) -> None:
    executor = ScriptedExecutor()
    async with opened(browser, executor, Settings()) as page:
        await page.set_viewport_size({"width": 1200, "height": 1900})
        await choose(page, "imagine")
        prompt = page.get_by_role("textbox", name="prompt")
        await prompt.fill("a large red circle")
        await prompt.press("Enter")
        drawing = message(page, "a large red circle")
        await expect(drawing.get_by_role("button", name="Cancel")).to_be_visible()
        executor.job.tell(pictures(executor.drawing, side=256))
        await expect(drawing.get_by_role("img", name="a large red circle")).to_have_count(5)
        await drawing.get_by_role("button", name="2", exact=True).click()
        chosen = page.get_by_role("log").get_by_role("article").filter(has_text="Picture 2 · seed")
        await expect(chosen.get_by_role("img", name="a large red circle")).to_have_count(1)
        await page.screenshot(path=tmp_path / "chosen.png")
        await drawing.get_by_role("button", name="Edit").click()
        form = page.get_by_role("dialog")
        await expect(form.get_by_label("What to draw")).to_have_value("a large red circle")
        await expect(form.get_by_label("Seed")).to_have_value(str(executor.drawing.seed))
        await page.screenshot(path=tmp_path / "form.png")
        await form.get_by_label("What to draw").fill("a small blue square")
        await form.get_by_role("button", name="Submit").click()
        await expect(page.get_by_role("log")).to_contain_text("a small blue square")
        async with asyncio.timeout(30):  # the panel is there before the executor has the request
            while len(executor.jobs) < 2:  # noqa: ASYNC110 (nothing tells when it has)
                await asyncio.sleep(0.05)
        changed = executor.jobs[-1].request
        assert isinstance(changed, Drawing)
        assert changed.prompt == "a small blue square"
        assert changed.seed == executor.jobs[0].request.seed  # type: ignore[union-attr]


async def test_a_visitor_reads_an_answer_as_it_is_written_and_asks_on(browser: Browser, tmp_path: Path) -> None:
    """A scripted executor, so that one can look while the answer comes."""
    executor = ScriptedExecutor()
    async with opened(browser, executor, Settings()) as page:
        await ask(page, "What does the formula say?")
        first = message(page, "What does the formula say?")
        await expect(first).to_contain_text("Getting ready")
        executor.job.tell(Started(), Text("It gives the area of a cir"))
        await expect(first).to_contain_text("It gives the area of a cir")
        await expect(first.get_by_role("button", name="Cancel")).to_be_visible()
        await page.screenshot(path=tmp_path / "answering.png")
        executor.job.tell(
            Text("cle:"), answer(r"It gives the area of a circle: \[ A = \pi r^2 \] where \(r\) is *its* radius.")
        )
        await expect(first.locator("pre")).to_contain_text("A = \\pi r^2")
        await expect(first).to_contain_text("where r is *its* radius.")
        await expect(first.get_by_role("img")).to_have_js_property("naturalWidth", 64)
        await page.screenshot(path=tmp_path / "answer.png")
        await first.get_by_role("button", name="Ask more").click()
        form = page.get_by_role("dialog")
        await form.get_by_role("textbox").fill("And the circumference?")
        await page.screenshot(path=tmp_path / "ask-more.png")
        await form.get_by_role("button", name="Submit").click()
        second = page.get_by_role("log").get_by_role("article").filter(has_text="And the circumference?")
        await expect(second).to_contain_text("Getting ready")
        asked = executor.jobs[1].request
        assert isinstance(asked, Question)
        assert [turn.question for turn in asked.turns] == ["What does the formula say?"]
        assert asked.pictures[0].size == (SIDE, SIDE)
        executor.jobs[1].tell(answer(r"It is \(2 \pi r\)."))
        await expect(second).to_contain_text("It is 2 \\pi r.")
        await page.screenshot(path=tmp_path / "asked-more.png")
        await second.get_by_role("button", name="Reply").click()
        box = page.get_by_role("textbox", name="Message", exact=True)
        await box.fill("And of a square?")
        await box.press("Enter")
        third = page.get_by_role("log").get_by_role("article").filter(has_text="Getting ready")
        await expect(third).to_contain_text("And of a square?")
        third_asked = executor.jobs[2].request
        assert isinstance(third_asked, Question)
        assert len(third_asked.turns) == 2
        await page.screenshot(path=tmp_path / "reply.png")


async def test_three_viewers_draw_at_once_while_one_asks(browser: Browser, tiny_folder: Path, tmp_path: Path) -> None:
    settings = Settings(model=ModelSettings(name=str(tiny_folder), upscaler="lanczos"))
    async with tabs(browser, open_here(settings.model, settings.engine), settings, 3) as pages:
        for i, page in enumerate(pages):
            await choose(page, "imagine")
            prompt = page.get_by_role("textbox", name="prompt")
            await prompt.fill(f"picture number {i}")
            await prompt.press("Enter")
        await ask(pages[0], "What do you see?")
        for page in pages:  # everybody sees everything
            for i in range(3):
                await expect(message(page, f"picture number {i}").get_by_role("img")).to_have_count(5)
            answered = message(page, "What do you see?")
            await expect(answered.get_by_role("button", name="Ask more")).to_be_visible()
        await pages[2].screenshot(path=tmp_path / "three.png")


async def test_a_visitor_presses_the_examples_of_help(browser: Browser, tmp_path: Path) -> None:
    executor = ScriptedExecutor()
    executor.becomes(device="cpu", dtype="float32", step_seconds=0.02)
    async with opened(browser, executor, Settings()) as page:
        await choose(page, "status")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("log")).to_contain_text("Runs on: CPU")
        await choose(page, "help")
        await page.keyboard.press("Enter")
        screen = page.get_by_role("log").get_by_role("article").filter(has_text="Drawing.")
        await expect(screen.get_by_role("button", name="Draw")).to_have_count(5)
        await page.screenshot(path=tmp_path / "help.png", full_page=True)
        await screen.get_by_role("button", name="Draw").nth(1).click()
        await expect(page.get_by_role("log")).to_contain_text("Getting ready")
        assert "yellow star" in executor.drawing.prompt
        await screen.get_by_role("button", name="Ask").first.click()
        form = page.get_by_role("dialog")
        await form.locator("input[type=file]").set_input_files(
            {"name": "picture.png", "mimeType": "image/png", "buffer": png((64, 64))}
        )
        await page.screenshot(path=tmp_path / "form.png")
        await form.get_by_role("button", name="Submit").click()
        await expect(page.get_by_role("log").get_by_role("article").filter(has_text="how many shapes")).to_be_visible()
