"""An answer: the picture asked about, the question, and the words as they come."""

from collections.abc import Sequence
from typing import Any, Final

from discord import ui

from bot.post import Parcel
from bot.texts import Texts
from bot.uploads import Upload
from bot.views.buttons import Cancel
from bot.views.layout import BUSY, DONE, layout
from bot.views.lines import MESSAGE_TEXT, PROMPT_TEXT, alt_text, model_name, one_line, plain
from bot.views.panel import Standing
from model.requests import Answer

ANSWER_TEXT: Final = MESSAGE_TEXT - PROMPT_TEXT - 500  # what is left beside the question and the small lines
ANSWER_FILE: Final = "answer.txt"


def answering(texts: Texts, question: str, standing: Standing, job_id: str, picture: str) -> ui.LayoutView:
    """Show a question and what has been said so far, or where it stands. `picture`: the name of its attachment."""
    said = plain(standing.text.strip(), ANSWER_TEXT).strip()
    waiting = texts.thinking if standing.started else standing.line(texts)
    return layout(
        _asked(question, picture),
        ui.TextDisplay(said or waiting),
        ui.ActionRow(Cancel(job_id, texts)),
        colour=BUSY,
    )


def answered(
    texts: Texts, question: str, answer: Answer, model: str, picture: Upload, notes: Sequence[str], mention: str = ""
) -> Parcel:
    """Show a finished answer with the picture; one that is longer than a message goes along as a file."""
    text = answer.text.strip()
    shown = plain(text, ANSWER_TEXT).strip()
    files = [picture]
    notes = list(notes)
    if shown != plain(text).strip():
        files.append(Upload(ANSWER_FILE, text.encode()))
        notes.append(texts.answer_attached)
    if not answer.complete:
        notes.append(texts.answer_unfinished)
    small = texts.answer_line.format(
        model=model_name(model), tokens=answer.tokens, seconds=sum(answer.seconds.values())
    )
    children: list[ui.Item[Any]] = [_asked(question, picture.name, mention), ui.TextDisplay(shown or texts.no_words)]
    if len(files) > 1:
        children.append(ui.File(f"attachment://{ANSWER_FILE}"))
    children.append(ui.TextDisplay("\n".join(f"-# {line}" for line in [*notes, small])))
    return Parcel(layout(*children, colour=DONE), files)


def _asked(question: str, picture: str, mention: str = "") -> ui.Section[Any]:
    words = " ".join(filter(None, [mention, f"**{one_line(question, PROMPT_TEXT)}**"]))
    return ui.Section(words, accessory=ui.Thumbnail(f"attachment://{picture}", description=alt_text(question)))
