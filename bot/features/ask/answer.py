"""An answer: the pictures asked about, the question, and the words as they come."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui
from PIL import Image

from bot.core.text import MESSAGE_TEXT, PROMPT_TEXT, decimal, is_demo, model_name
from bot.jobs.target import Parcel
from bot.media.uploads import Room, Upload
from bot.texts import Texts
from bot.ui.buttons import JobButton
from bot.ui.formulas import formatted
from bot.ui.layout import BUSY, DONE, Standing, heading, layout
from model.requests import Answer, Pictures

ANSWER_TEXT: Final = MESSAGE_TEXT - PROMPT_TEXT - 700  # what is left beside the question and the small lines
ANSWER_FILE: Final = "answer.txt"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as its message shows it."""

    question: str
    pictures: Sequence[Upload]  # small copies, so that everybody sees what was asked about
    spoiler: bool = False
    origin: str = ""  # who pressed for it, if a button was pressed

    def shown(self, mention: str = "") -> list[ui.Item[Any]]:
        """Show one picture beside the question, several below it."""
        words = heading(self.question, self.origin, mention)
        if len(self.pictures) == 1:
            (picture,) = self.pictures
            small = ui.Thumbnail[Any](_address(picture), description=picture.alt, spoiler=self.spoiler)
            return [ui.Section(words, accessory=small)]
        items = [
            discord.MediaGalleryItem(_address(picture), description=picture.alt, spoiler=self.spoiler)
            for picture in self.pictures
        ]
        return [ui.TextDisplay(words), ui.MediaGallery(*items)]


@dataclass(frozen=True, slots=True)
class AnswerPresenter:
    """A question and its answer, as their message shows them."""

    asked: Asked
    job_id: str
    texts: Texts
    model: str
    notes: Sequence[str] = ()
    pace: float = 1.0

    def progress(self, standing: Standing) -> ui.LayoutView:
        return answering(self.texts, self.asked, standing, self.job_id)

    async def preview(self, pictures: Sequence[Image.Image]) -> Sequence[Upload]:
        return ()  # an answer has none

    @property
    def ready(self) -> str:
        return self.texts.answer_ready

    async def result(self, ending: Answer | Pictures, room: Room, mention: str, done: int) -> Sequence[Parcel]:
        assert isinstance(ending, Answer)
        return [answered(self.texts, self.asked, ending, self.job_id, self.model, self.notes, mention)]


def answering(texts: Texts, asked: Asked, standing: Standing, job_id: str) -> ui.LayoutView:
    """Show a question and what has been said so far, or where it stands."""
    said, _ = formatted(standing.text.strip(), ANSWER_TEXT)
    waiting = texts.thinking if standing.started else standing.line(texts)
    return layout(
        *asked.shown(),
        ui.TextDisplay(said or waiting),
        ui.ActionRow(JobButton("cancel", job_id, texts=texts)),
        colour=BUSY,
    )


def answered(
    texts: Texts, asked: Asked, answer: Answer, job_id: str, model: str, notes: Sequence[str], mention: str = ""
) -> Parcel:
    """Show a finished answer with the pictures; one that is longer than a message goes along as a file."""
    text = answer.text.strip()
    shown, whole = formatted(text, ANSWER_TEXT)
    files = list(asked.pictures)
    notes = list(notes)
    children: list[ui.Item[Any]] = [*asked.shown(mention), ui.TextDisplay(shown or texts.no_words)]
    if not whole:
        files.append(Upload(ANSWER_FILE, text.encode()))
        children.append(ui.File(f"attachment://{ANSWER_FILE}"))
        notes.append(texts.answer_attached)
    if not answer.complete:
        notes.append(texts.answer_unfinished)
    if answer.dropped_turns:
        notes.append(texts.turns_dropped.format(n=answer.dropped_turns))
    if is_demo(model):
        notes.append(texts.demo_note)
    seconds = decimal(sum(answer.seconds.values()), texts, 1)
    small = texts.answer_line.format(model=model_name(model), seconds=seconds)
    children.append(ui.TextDisplay("\n".join(f"-# {line}" for line in [*notes, small])))
    children.append(ui.ActionRow(*(JobButton(action, job_id, texts=texts) for action in ("ask_more", "delete"))))
    return Parcel(layout(*children, colour=DONE), files)


def _address(picture: Upload) -> str:
    return f"attachment://{picture.name}"
