"""How drawings look: on their way, as a gallery with its buttons, enlarged, and all that there is to tell of them."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui
from PIL import Image

from bot.core.text import QUOTED, alt_text, decimal, is_demo, model_name, one_line
from bot.jobs.target import Parcel
from bot.media.provenance import Provenance
from bot.media.uploads import Finished, Room, Upload, batches, encode, sketches
from bot.texts import Texts
from bot.ui.buttons import JobButton
from bot.ui.layout import DONE, Standing, heading, layout, panel, preview_names
from model.requests import Answer, Drawing, Pictures

DEMO_AVOIDS: Final = 2  # the guidance up to which the demo model's pictures stay whole with something to avoid
DRAWN: Final = ("again", "edit")  # what can be done with a drawing as a whole
ONE: Final = ("enlarge", "describe", "ask_this")  # what can be done with one picture
VARIATIONS: Final = ("vary_little", "vary", "vary_much", "remix")  # and if its tokens are there: it was drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the pictures of one job are shown, drawn or enlarged."""

    spoiler: bool = False
    reports: bool = False  # whether the server takes reports
    one: Sequence[str] = ()  # what can be done with one picture there, besides
    origin: str = ""  # who pressed for it, if a button was pressed


@dataclass(frozen=True, slots=True)
class DrawingPresenter:
    """A drawing, as its message shows it."""

    drawing: Drawing
    texts: Texts
    model: str
    look: Look = Look()
    threads: Executor | None = None  # that encode its pictures
    pace: float = 1.5

    @property
    def ready(self) -> str:
        return self.texts.pictures_ready

    def progress(self, standing: Standing) -> ui.LayoutView:
        look = self.look
        return panel(
            self.texts, self.drawing.prompt, standing, self.drawing.id, spoiler=look.spoiler, origin=look.origin
        )

    async def preview(self, pictures: Sequence[Image.Image]) -> Sequence[Upload]:
        return await sketches(pictures, preview_names(len(pictures)), self.threads)

    async def result(self, ending: Answer | Pictures, room: Room, mention: str, done: int) -> Sequence[Parcel]:
        assert isinstance(ending, Pictures)
        finished = [
            Finished(
                picture,
                picture_name(seed),
                Provenance.of(self.drawing, seed, self.model, len(ending.tokens[number])),
                picture_alt(self.texts, self.drawing.words(seed), number, seed),
            )
            for number, (picture, seed) in enumerate(zip(ending.pictures, ending.seeds, strict=True))
        ]
        files = await encode(finished[done:], room.file, self.threads)
        parcels, first, seconds = [], done, sum(ending.seconds.values())
        for batch in batches(files, room.message):
            parcels.append(
                gallery(
                    self.texts,
                    self.drawing,
                    batch,
                    self.model,
                    seconds,
                    seeds=ending.seeds,
                    first=first,
                    mention="" if first else mention,
                    look=self.look,
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
    look: Look = Look()
    threads: Executor | None = None  # that encode its pictures
    pace: float = 1.5

    @property
    def ready(self) -> str:
        return self.texts.pictures_ready

    def progress(self, standing: Standing) -> ui.LayoutView:
        return panel(self.texts, self.words, standing, self.job_id, origin=self.look.origin)

    async def preview(self, pictures: Sequence[Image.Image]) -> Sequence[Upload]:
        return ()  # there is none

    async def result(self, ending: Answer | Pictures, room: Room, mention: str, done: int) -> Sequence[Parcel]:
        assert isinstance(ending, Pictures)
        (picture,) = ending.pictures
        finished = Finished(picture, self.name, self.provenance, alt_text(self.words))
        (file,) = await encode([finished], room.file, self.threads)
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
                look=self.look,
            )
        ]


def picture_name(seed: int) -> str:
    """Name a picture's file, without its suffix, so that it is found again on its message."""
    return f"janus-{seed}"


def picture_alt(texts: Texts, prompt: str, number: int, seed: int) -> str | None:
    """Describe a picture of a drawing, number `number` from 0, for people who can't see it."""
    return alt_text(texts.alt_picture.format(number=number + 1, seed=seed, prompt=prompt.strip()))


def gallery(
    texts: Texts,
    drawing: Drawing,
    files: Sequence[Upload],
    model: str,
    seconds: float,
    *,
    seeds: Sequence[int],
    first: int = 0,
    mention: str = "",
    look: Look = Look(),
) -> Parcel:
    """Show finished pictures with all it takes to draw them again.

    `seeds` are those of all pictures, and `files` the pictures from number `first` (from 0) on, where one message does
    not hold them all. `mention`: whom to call.
    """
    small = texts.drawing_line.format(
        seed=drawing.seed,
        guidance=decimal(drawing.guidance, texts),
        temperature=decimal(drawing.temperature, texts),
        model=model_name(model),
        seconds=decimal(seconds, texts, 1),
    )
    notes = _each(texts, drawing, seeds, range(first, first + len(files)))
    notes += avoiding(texts, drawing)
    notes += [texts.one_at_zero] if drawing.temperature == 0 and not drawing.prompts else []
    notes += [texts.demo_note] if is_demo(model) else []
    notes += [texts.demo_avoid] if is_demo(model) and drawing.avoided and drawing.guidance > DEMO_AVOIDS else []
    if len(seeds) == 1:
        rows = for_one_picture(texts, drawing.id, 0, look, drawn=True)
    else:
        rows = _for_each(texts, drawing.id, range(first, first + len(files)))
        notes.append(texts.choose_hint)
    return _framed(texts, drawing.prompt, drawing.id, files, [small, *notes], rows, DRAWN, mention, look)


def enlarged(
    texts: Texts,
    prompt: str,
    job_id: str,
    file: Upload,
    size: tuple[int, int],
    seconds: float,
    *,
    mention: str = "",
    look: Look = Look(),
) -> Parcel:
    """Show an enlarged picture."""
    small = texts.enlarged_line.format(width=size[0], height=size[1], seconds=decimal(seconds, texts, 1))
    rows = for_one_picture(texts, job_id, 0, look, drawn=False)
    return _framed(texts, prompt, job_id, [file], [small], rows, (), mention, look)


def chosen(texts: Texts, job_id: str, picture: int, seed: int, file: Upload, look: Look) -> Parcel:
    """Show one picture of a drawing to a single member, with what can be done with it."""
    view = layout(
        ui.TextDisplay(texts.chosen.format(number=picture + 1, seed=seed)),
        ui.MediaGallery(_framed_picture(file, look.spoiler)),
        *for_one_picture(texts, job_id, picture, look, drawn=True),
        ui.TextDisplay(f"-# {texts.vary_hint}"),
        colour=DONE,
    )
    return Parcel(view, [file])


def for_one_picture(texts: Texts, job_id: str, picture: int, look: Look, *, drawn: bool) -> Sequence[ui.ActionRow[Any]]:
    """Make the buttons for one picture. `drawn`: it came out of a drawing, so that its tokens are there to vary."""
    rows = [*([VARIATIONS] if drawn else []), (*ONE, *look.one)]
    return [ui.ActionRow(*(JobButton(action, job_id, picture, texts=texts) for action in row)) for row in rows]


def _for_each(texts: Texts, job_id: str, numbers: Sequence[int]) -> Sequence[ui.ActionRow[Any]]:
    """Make the buttons for several pictures: one to look at each, and one to enlarge it at once."""
    look = [JobButton("choose", job_id, number, texts=texts) for number in numbers]
    labels = {number: texts.enlarge_number.format(number=number + 1) for number in numbers}
    enlarge = [JobButton("enlarge", job_id, number, label=label) for number, label in labels.items()]
    return [ui.ActionRow(*look), ui.ActionRow(*enlarge)]


def _framed(
    texts: Texts,
    prompt: str,
    job_id: str,
    files: Sequence[Upload],
    small: Sequence[str],
    rows: Sequence[ui.ActionRow[Any]],
    drawn: Sequence[str],
    mention: str,
    look: Look,
) -> Parcel:
    whole = [*drawn, "info", *(["report"] if look.reports else []), "delete"]
    view = layout(
        ui.TextDisplay(heading(prompt, look.origin, mention)),
        ui.MediaGallery(*(_framed_picture(file, look.spoiler) for file in files)),
        ui.TextDisplay("\n".join(f"-# {line}" for line in small)),
        *rows,
        ui.ActionRow(*(JobButton(action, job_id, texts=texts) for action in whole)),
        colour=DONE,
    )
    return Parcel(view, files)


def _framed_picture(file: Upload, spoiler: bool) -> discord.MediaGalleryItem:
    return discord.MediaGalleryItem(f"attachment://{file.name}", description=file.alt, spoiler=spoiler)


def _each(texts: Texts, drawing: Drawing, seeds: Sequence[int], numbers: Sequence[int]) -> list[str]:
    """Say what each picture is of, where they are of different words."""
    if not drawing.prompts:
        return []
    return [
        texts.of_these_words.format(number=number + 1, words=one_line(drawing.words(seeds[number]), QUOTED))
        for number in numbers
    ]


def avoiding(texts: Texts, drawing: Drawing) -> list[str]:
    """Say what a member wanted not to see, if anything, and whether that had an effect."""
    if not drawing.avoid:
        return []
    said = texts.avoiding.format(words=one_line(drawing.avoid, QUOTED))
    return [said, texts.avoids_nothing] if drawing.guidance == 1 else [said]
