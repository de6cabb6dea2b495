"""The gallery: the finished pictures of a drawing, what can be done with them, and all that is known of them."""

from collections.abc import Sequence
from typing import Any, Final

import discord
from discord import ui

from bot.jobs.target import Parcel
from bot.media.uploads import Upload
from bot.store.jobs import JobRecord
from bot.texts import Texts
from bot.ui.buttons import JobButton
from bot.ui.layout import DONE, layout
from bot.ui.text import PROMPT_TEXT, model_name, one_line
from model.requests import Drawing, Pictures

INFO_PROMPT: Final = 3000  # characters of the prompt: the numbers below need a few hundred
WHOLE: Final = ("info", "report", "delete")  # what can be done with all that a message shows
DRAWN: Final = ("again", "edit")  # and with a drawing, besides
ONE: Final = ("enlarge", "describe")  # what can be done with one picture
VARIATIONS: Final = ("vary_little", "vary", "vary_much")  # and where it was drawn, so that its tokens are there


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
    actions: Sequence[ui.Item[Any]]
    if of == 1 or (of is None and len(files) == 1):
        actions = for_one_picture(texts, drawing.id, 0, drawn=True)
    else:
        numbers = range(first, first + len(files))
        actions = [JobButton("choose", drawing.id, number, texts=texts) for number in numbers]
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
    actions = for_one_picture(texts, job_id, 0, drawn=False)
    return _framed(texts, prompt, job_id, [file], [small], actions, drawn=False, mention=mention, spoiler=spoiler)


def chosen(texts: Texts, job_id: str, picture: int, seed: int, file: Upload, *, drawn: bool, spoiler: bool) -> Parcel:
    """Show one picture of a drawing to a single member, with what can be done with it."""
    view = layout(
        ui.TextDisplay(texts.chosen.format(number=picture + 1, seed=seed)),
        ui.MediaGallery(_framed_picture(file, spoiler)),
        ui.ActionRow(*for_one_picture(texts, job_id, picture, drawn=drawn)),
        ui.TextDisplay(f"-# {texts.vary_hint}"),
        colour=DONE,
    )
    return Parcel(view, [file])


def for_one_picture(texts: Texts, job_id: str, picture: int, *, drawn: bool) -> Sequence[JobButton]:
    """Make the buttons for one picture. `drawn`: it came out of a drawing, so that its tokens are there to vary."""
    actions = [*(VARIATIONS if drawn else ()), *ONE]
    return [JobButton(action, job_id, picture, texts=texts) for action in actions]


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
    whole = [*(DRAWN if drawn else ()), *WHOLE]
    view = layout(
        ui.TextDisplay(" ".join(filter(None, [mention, f"**{one_line(prompt, PROMPT_TEXT)}**"]))),
        ui.MediaGallery(*(_framed_picture(file, spoiler) for file in files)),
        ui.TextDisplay("\n".join(f"-# {line}" for line in small)),
        ui.ActionRow(*actions),
        ui.ActionRow(*(JobButton(action, job_id, texts=texts) for action in whole)),
        colour=DONE,
    )
    return Parcel(view, files)


def _framed_picture(file: Upload, spoiler: bool) -> discord.MediaGalleryItem:
    return discord.MediaGalleryItem(f"attachment://{file.name}", description=file.alt, spoiler=spoiler)


def info(texts: Texts, record: JobRecord) -> ui.LayoutView:
    """Show the whole prompt, the settings, and the seed that draws each picture alone."""
    assert isinstance(record.result, Pictures)
    lines = [f"**{one_line(record.words, INFO_PROMPT)}**"]
    if isinstance(record.request, Drawing):
        drawing = record.request
        lines.append(
            texts.info_settings.format(
                guidance=f"{drawing.guidance:g}", temperature=f"{drawing.temperature:g}", model=model_name(record.model)
            )
        )
        seeds = enumerate(record.result.seeds, 1)
        lines.append("\n".join(texts.info_seed.format(number=number, seed=seed) for number, seed in seeds))
        if drawing.kept and record.result.tokens:
            lines.append(texts.info_kept.format(percent=round(100 * len(drawing.kept) / len(record.result.tokens[0]))))
        else:
            lines.append(texts.info_alone)
    else:
        lines.append(texts.info_enlarged.format(number=record.request.picture + 1))  # type: ignore[union-attr]
    stages = " · ".join(f"{stage} {seconds:.1f} s" for stage, seconds in record.result.seconds.items())
    return layout(*(ui.TextDisplay(line) for line in lines), ui.TextDisplay(f"-# {stages}"), colour=DONE)
