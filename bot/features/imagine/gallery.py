"""How drawings look: on their way, as a gallery with its buttons, enlarged, and all that there is to tell of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui
from PIL import Image

from bot.core.text import PROMPT_TEXT, alt_text, model_name, one_line
from bot.jobs.target import Parcel
from bot.media.provenance import Provenance
from bot.media.uploads import Finished, Room, Upload, batches, encode, sketches
from bot.store.records import JobRecord
from bot.texts import Texts
from bot.ui.buttons import JobButton
from bot.ui.layout import DONE, Standing, layout, panel, preview_names
from model.requests import Answer, Drawing, Pictures

INFO_PROMPT: Final = 3000  # characters of the prompt: the numbers below need a few hundred
WHOLE: Final = ("info", "report", "delete")  # what can be done with all that a message shows
DRAWN: Final = ("again", "edit")  # and with a drawing, besides
ONE: Final = ("enlarge", "describe")  # what can be done with one picture
VARIATIONS: Final = ("vary_little", "vary", "vary_much")  # and where it was drawn, so that its tokens are there


@dataclass(frozen=True, slots=True)
class DrawingPresenter:
    """A drawing, as its message shows it."""

    drawing: Drawing
    texts: Texts
    model: str
    spoiler: bool = False
    pace: float = 1.5

    @property
    def ready(self) -> str:
        return self.texts.pictures_ready

    def progress(self, standing: Standing) -> ui.LayoutView:
        return panel(self.texts, self.drawing.prompt, standing, self.drawing.id, spoiler=self.spoiler)

    async def preview(self, pictures: Sequence[Image.Image]) -> Sequence[Upload]:
        return await sketches(pictures, preview_names(len(pictures)), alt_text(self.drawing.prompt))

    async def result(self, ending: Answer | Pictures, room: Room, mention: str, done: int) -> Sequence[Parcel]:
        assert isinstance(ending, Pictures)
        finished = [
            Finished(picture, picture_name(seed), Provenance.of(self.drawing, seed, self.model))
            for picture, seed in zip(ending.pictures, ending.seeds, strict=True)
        ]
        files = await encode(finished[done:], alt_text(self.drawing.prompt), room.file)
        parcels, first, seconds = [], done, sum(ending.seconds.values())
        for batch in batches(files, room.message):
            parcels.append(
                gallery(
                    self.texts,
                    self.drawing,
                    batch,
                    self.model,
                    seconds,
                    first=first,
                    of=len(finished),
                    mention="" if first else mention,
                    spoiler=self.spoiler,
                )
            )
            first += len(batch)
        return parcels


@dataclass(frozen=True, slots=True)
class EnlargementPresenter:
    """The enlargement of one picture, as its message shows it."""

    words: str
    job_id: str
    name: str  # of the file, without its suffix
    provenance: Provenance | None
    texts: Texts
    spoiler: bool = False
    pace: float = 1.5

    @property
    def ready(self) -> str:
        return self.texts.pictures_ready

    def progress(self, standing: Standing) -> ui.LayoutView:
        return panel(self.texts, self.words, standing, self.job_id)

    async def preview(self, pictures: Sequence[Image.Image]) -> Sequence[Upload]:
        return ()  # there is none

    async def result(self, ending: Answer | Pictures, room: Room, mention: str, done: int) -> Sequence[Parcel]:
        assert isinstance(ending, Pictures)
        (picture,) = ending.pictures
        (file,) = await encode([Finished(picture, self.name, self.provenance)], alt_text(self.words), room.file)
        seconds = sum(ending.seconds.values())
        return [
            enlarged(
                self.texts,
                self.words,
                self.job_id,
                file,
                picture.size,
                seconds,
                mention=mention,
                spoiler=self.spoiler,
            )
        ]


def picture_name(seed: int) -> str:
    """Name a picture's file, without its suffix, so that it is found again on its message."""
    return f"janus-{seed}"


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
