"""What all messages have in common: a frame in the colour of where the job stands, and the panel that shows its way."""

from dataclasses import dataclass, replace
from typing import Any, Final

import discord
from discord import ui

from bot.core.text import PROMPT_TEXT, alt_text, bar, duration, one_line
from bot.store.records import JobRecord, Origin
from bot.texts import Texts
from bot.ui.buttons import JobButton
from model.requests import Passing, Preview, Progress, Queued, Started, Text

BUSY: Final = discord.Colour.blurple()
DONE: Final = discord.Colour.green()
ENDED: Final = discord.Colour.greyple()


def layout(*children: ui.Item[Any], colour: discord.Colour) -> ui.LayoutView:
    """Put children into one framed message.

    It has no timeout: a view of discord.py that times out takes its buttons' classes out of service everywhere.
    """
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(*children, accent_colour=colour))
    return view


def notice(prompt: str, line: str, *buttons: ui.Item[Any], origin: str = "") -> ui.LayoutView:
    """Show a prompt, which may be none, where its request came from, and what has become of its job."""
    words: list[ui.Item[Any]] = [ui.TextDisplay(heading(prompt, origin))] if prompt else []
    children: list[ui.Item[Any]] = [*words, ui.TextDisplay(line)]
    if buttons:
        children.append(ui.ActionRow(*buttons))
    return layout(*children, colour=ENDED)


def heading(prompt: str, origin: str = "", mention: str = "") -> str:
    """Write a prompt, with whom to call before it, and where its request came from below."""
    words = " ".join(filter(None, [mention, f"**{one_line(prompt, PROMPT_TEXT)}**"]))
    return f"{words}\n-# {origin}" if origin else words


def told(record: JobRecord, line: str, texts: Texts, *buttons: ui.Item[Any]) -> ui.LayoutView:
    """Show a job and what has become of it."""
    return notice(record.words, line, *buttons, origin=origin_line(record.origin, texts))


def origin_line(origin: Origin | None, texts: Texts) -> str:
    """Say in one line who pressed for a job, and what it goes on from; nothing if it came from a command."""
    if origin is None:
        return ""
    words = {
        "again": texts.done_again,
        "edit": texts.done_edit,
        "vary_little": texts.done_vary_little,
        "vary": texts.done_vary,
        "vary_much": texts.done_vary_much,
        "remix": texts.done_remix,
        "enlarge": texts.done_enlarge,
        "describe": texts.done_describe,
        "ask_this": texts.done_ask_this,
        "ask_more": texts.done_ask_more,
        "menu": texts.done_menu,
    }.get(origin.action, texts.done_example)
    what = words.format(number=1 + (origin.picture or 0))
    return texts.for_member.format(
        member=f"<@{origin.member}>", what=f"[{what}]({origin.link})" if origin.link else what
    )


def remark(sentence: str) -> ui.LayoutView:
    """Show one sentence of the bot's."""
    return layout(ui.TextDisplay(sentence), colour=ENDED)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands: all that its events have told so far."""

    loading: bool = False  # the model is not there yet
    queued: Queued | None = None
    started: bool = False
    progress: Progress | None = None
    preview: Preview | None = None
    text: str = ""

    def after(self, event: Passing) -> "Standing":
        """Return the standing after one more event."""
        match event:
            case Queued():
                return replace(self, queued=event, started=False, progress=None, text="")  # it may be a second time
            case Started():
                return replace(self, started=True)
            case Progress():
                return replace(self, started=True, progress=event)
            case Preview():
                return replace(self, preview=event)
            case Text():
                return replace(self, started=True, text=self.text + event.delta)

    def line(self, texts: Texts) -> str:
        """Say it in one line."""
        if self.progress:
            done, total, eta = self.progress.done, self.progress.total, self.progress.eta
            shown = texts.progress if eta is None else texts.progress_eta
            if done >= total:
                return texts.finishing
            percent = 100 * done // max(1, total)
            return shown.format(bar=bar(done, total), percent=percent, eta=duration(eta or 0, texts))
        if self.started:
            return texts.started
        if self.loading:
            return texts.loading
        if self.queued:
            eta = self.queued.eta
            shown = texts.queued if eta is None else texts.queued_eta
            return shown.format(position=self.queued.position, eta=duration(eta or 0, texts))
        return texts.received


def panel(
    texts: Texts, prompt: str, standing: Standing, job_id: str, *, spoiler: bool = False, origin: str = ""
) -> ui.LayoutView:
    """Show a prompt, the preview if there is one, and where the job stands, with a button to cancel it."""
    children: list[ui.Item[Any]] = [ui.TextDisplay(heading(prompt, origin))]
    if standing.preview:
        names = [f"attachment://{name}.webp" for name in preview_names(len(standing.preview.pictures))]
        children.append(
            ui.MediaGallery(
                *(
                    discord.MediaGalleryItem(
                        name,
                        description=alt_text(texts.alt_preview.format(number=number, prompt=prompt)),
                        spoiler=spoiler,
                    )
                    for number, name in enumerate(names, 1)
                )
            )
        )
    children += [ui.TextDisplay(standing.line(texts)), ui.ActionRow(JobButton("cancel", job_id, texts=texts))]
    return layout(*children, colour=BUSY)


def preview_names(count: int) -> list[str]:
    """Name the files of a preview, without their suffix."""
    return [f"preview-{number}" for number in range(1, count + 1)]
