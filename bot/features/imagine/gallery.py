"""The gallery: the finished pictures of a drawing, and what can be done with them."""

from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

from bot.features.imagine.actions import Choose, for_one_picture
from bot.features.imagine.drawing_buttons import Again, Edit, Info
from bot.features.reports import Report
from bot.jobs.interaction import Parcel
from bot.media.uploads import Upload
from bot.texts import Texts
from bot.ui.buttons import Delete, JobButton
from bot.ui.layout import DONE, layout
from bot.ui.text import PROMPT_TEXT, model_name, one_line
from model.requests import Drawing


def gallery(
    texts: Texts,
    drawing: Drawing,
    files: Sequence[Upload],
    model: str,
    seconds: float,
    *,
    first: int = 0,
    of: int | None = None,
    mention: str = "",
    spoiler: bool = False,
) -> Parcel:
    """Show finished pictures with all it takes to draw them again.

    `files` are the pictures from number `first` (from 0) `of` so many, where one message does not hold them all.
    `mention`: whom to call.
    """
    small = texts.drawing_line.format(
        seed=drawing.seed,
        guidance=f"{drawing.guidance:g}",
        temperature=f"{drawing.temperature:g}",
        model=model_name(model),
        seconds=seconds,
    )
    notes = [texts.one_at_zero] if drawing.temperature == 0 else []
    actions: list[ui.Item[Any]]
    if of == 1 or (of is None and len(files) == 1):
        actions = [*for_one_picture(drawing.id, texts, 0, drawn=True)]
    else:
        actions = [Choose(drawing.id, texts, number) for number in range(first, first + len(files))]
        notes.append(texts.choose_hint)
    return _framed(
        texts, drawing.prompt, drawing.id, files, [small, *notes], actions, drawn=True, mention=mention, spoiler=spoiler
    )


def enlarged(
    texts: Texts,
    prompt: str,
    job_id: str,
    file: Upload,
    size: tuple[int, int],
    seconds: float,
    *,
    mention: str = "",
    spoiler: bool = False,
) -> Parcel:
    """Show an enlarged picture."""
    small = texts.enlarged_line.format(width=size[0], height=size[1], seconds=seconds)
    actions: list[ui.Item[Any]] = [*for_one_picture(job_id, texts, 0, drawn=False)]
    return _framed(texts, prompt, job_id, [file], [small], actions, drawn=False, mention=mention, spoiler=spoiler)


def chosen(texts: Texts, job_id: str, picture: int, seed: int, file: Upload, *, drawn: bool, spoiler: bool) -> Parcel:
    """Show one picture of a drawing to a single member, with what can be done with it."""
    view = layout(
        ui.TextDisplay(texts.chosen.format(number=picture + 1, seed=seed)),
        ui.MediaGallery(_framed_picture(file, spoiler)),
        ui.ActionRow(*for_one_picture(job_id, texts, picture, drawn=drawn)),
        ui.TextDisplay(f"-# {texts.vary_hint}"),
        colour=DONE,
    )
    return Parcel(view, [file])


def _framed(
    texts: Texts,
    prompt: str,
    job_id: str,
    files: Sequence[Upload],
    small: Sequence[str],
    actions: Sequence[ui.Item[Any]],
    *,
    drawn: bool,
    mention: str,
    spoiler: bool,
) -> Parcel:
    whole: list[type[JobButton]] = [*([Again, Edit] if drawn else []), Info, Report, Delete]
    view = layout(
        ui.TextDisplay(" ".join(filter(None, [mention, f"**{one_line(prompt, PROMPT_TEXT)}**"]))),
        ui.MediaGallery(*(_framed_picture(file, spoiler) for file in files)),
        ui.TextDisplay("\n".join(f"-# {line}" for line in small)),
        ui.ActionRow(*actions),
        ui.ActionRow(*(kind(job_id, texts) for kind in whole)),
        colour=DONE,
    )
    return Parcel(view, files)


def _framed_picture(file: Upload, spoiler: bool) -> discord.MediaGalleryItem:
    return discord.MediaGalleryItem(f"attachment://{file.name}", description=file.alt, spoiler=spoiler)
