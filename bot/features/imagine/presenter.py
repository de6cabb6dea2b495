"""How drawings and enlargements look on their messages, from the first moment to the result."""

from collections.abc import Sequence
from dataclasses import dataclass

from discord import ui
from PIL import Image

from bot.features.imagine.gallery import enlarged, gallery
from bot.jobs.target import Parcel
from bot.media.provenance import Provenance
from bot.media.uploads import Finished, Upload, batches, encode, sketches
from bot.texts import Texts
from bot.ui.panel import Standing, panel, preview_names
from bot.ui.text import alt_text
from model.requests import Answer, Drawing, Pictures


@dataclass(frozen=True, slots=True)
class DrawingPresenter:
    """A drawing, as its message shows it."""

    drawing: Drawing
    texts: Texts
    model: str
    spoiler: bool = False
    pace: float = 1.5
    repeatable: bool = True

    @property
    def words(self) -> str:
        return self.drawing.prompt

    @property
    def ready(self) -> str:
        return self.texts.pictures_ready

    def progress(self, standing: Standing) -> ui.LayoutView:
        return panel(self.texts, self.words, standing, self.drawing.id, spoiler=self.spoiler)

    async def preview(self, pictures: Sequence[Image.Image]) -> Sequence[Upload]:
        return await sketches(pictures, preview_names(len(pictures)), alt_text(self.words))

    async def result(self, ending: Answer | Pictures, limit: int, mention: str, done: int) -> Sequence[Parcel]:
        assert isinstance(ending, Pictures)
        finished = [
            Finished(picture, picture_name(seed), Provenance.of(self.drawing, seed, self.model))
            for picture, seed in zip(ending.pictures, ending.seeds, strict=True)
        ]
        files = await encode(finished[done:], alt_text(self.words), limit)
        parcels, first, seconds = [], done, sum(ending.seconds.values())
        for batch in batches(files):
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
    repeatable: bool = False  # the picture would have to be found again: the button that asked for this is still there

    @property
    def ready(self) -> str:
        return self.texts.pictures_ready

    def progress(self, standing: Standing) -> ui.LayoutView:
        return panel(self.texts, self.words, standing, self.job_id)

    async def preview(self, pictures: Sequence[Image.Image]) -> Sequence[Upload]:
        return ()  # there is none

    async def result(self, ending: Answer | Pictures, limit: int, mention: str, done: int) -> Sequence[Parcel]:
        assert isinstance(ending, Pictures)
        (picture,) = ending.pictures
        (file,) = await encode([Finished(picture, self.name, self.provenance)], alt_text(self.words), limit)
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
