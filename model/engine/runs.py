"""What the engine knows of one request on its way: what it needs, what it has, and where its time went."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from model.network.cache import Seat
from model.requests import Drawing, Enlarge, Paint, Question
from model.weights.prompts import TextStream


@dataclass(eq=False, kw_only=True)
class Run:
    """A request that the engine has checked. `lane` and `seats` are what the scheduler is asked for."""

    lane: str
    seats: int
    seconds: dict[str, float] = field(default_factory=dict)  # by stage, those that have ended
    stage_began: float = field(default_factory=time.perf_counter)
    place: int = 0  # in the line, as last told
    started: bool = False

    def end_stage(self, stage: str) -> None:
        """Book the time since the last stage ended on `stage`."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.stage_began
        self.stage_began = now


@dataclass(eq=False, kw_only=True)
class Picture:
    """One picture of a drawing: its stream, and what came of it."""

    seed: int
    ids: Sequence[int] = ()  # BOS ... begin_of_image
    keys: NDArray[np.int32] | None = None  # of its stream: (image tokens, 2); of a picture that is yet to be drawn
    tokens: tuple[int, ...] = ()
    image: Image.Image | None = None
    upscaled: bool = False


@dataclass(eq=False, kw_only=True)
class DrawingRun(Run):
    """A drawing. Its pictures are drawn together, or in several goes where the lane is small."""

    request: Drawing
    against: Sequence[int]  # what guidance compares with, BOS ... begin_of_image; none if with no words
    total: int  # image tokens of a picture
    pictures: list[Picture]
    waiting: list[Picture]  # those that have no seat yet
    drawing: list[tuple[Seat, Picture]] = field(default_factory=list)
    previewed: float = 0.0  # when the last preview was begun
    preview: list[Image.Image] = field(default_factory=list)

    @property
    def drawn(self) -> list[Picture]:
        """The pictures whose tokens are all there, in the order they were asked for."""
        return [picture for picture in self.pictures if picture.tokens]

    @property
    def held(self) -> int:
        """Seats that it has."""
        return len(self.drawing)

    @property
    def moving(self) -> bool:
        """Some of its rows take part in the steps."""
        return any(seat.moving for seat, _ in self.drawing)

    @property
    def drawn_up(self) -> bool:
        """The last token of the last picture is drawn."""
        return not self.waiting and not self.drawing

    def first(self, picture: Picture) -> int:
        """The position of the first token of a picture that is drawn, not kept."""
        return len(picture.ids) + len(self.request.kept)

    def last(self, picture: Picture) -> int:
        """The position of the last token of a picture."""
        return len(picture.ids) + self.total - 1

    @property
    def tokens_done(self) -> int:
        """Image tokens so far, kept ones included: the mean over all pictures."""
        kept = len(self.request.kept)
        # a seat's position is that of the token to be read next: that one is drawn already
        under_way = [max(seat.position + 1 - len(picture.ids), kept) for seat, picture in self.drawing]
        done = sum(under_way) + kept * len(self.waiting) + self.total * len(self.drawn)
        return done // (len(under_way) + len(self.waiting) + len(self.drawn))


@dataclass(eq=False, kw_only=True)
class QuestionRun(Run):
    """A question."""

    request: Question
    ids: list[int]
    pixels: list[Tensor]  # (3, size, size) a picture
    keys: NDArray[np.int32]  # of its stream: (tokens of the answer at its longest, 2)
    dropped_turns: int
    stream: TextStream
    seat: Seat | None = None
    answer: list[int] = field(default_factory=list)
    complete: bool = False  # the model has said that it is done

    @property
    def held(self) -> int:
        """Seats that it has."""
        return int(self.seat is not None)

    @property
    def moving(self) -> bool:
        """Its row takes part in the steps."""
        return self.seat is not None and self.seat.moving


@dataclass(eq=False, kw_only=True)
class PaintRun(Run):
    """Pictures whose tokens are there already."""

    request: Paint
    drawn: list[Picture]
    moving: bool = False  # it has no rows

    @property
    def held(self) -> int:
        """Seats that it has."""
        return int(self.started)


@dataclass(eq=False, kw_only=True)
class EnlargeRun(Run):
    """A picture to enlarge."""

    request: Enlarge
    moving: bool = False  # it has no rows

    @property
    def held(self) -> int:
        """Seats that it has."""
        return int(self.started)


AnyRun = DrawingRun | QuestionRun | PaintRun | EnlargeRun

Units = Iterator[None]
"""Work in bounded pieces. It stops *before* every piece: the first `next` does none, each further one does one."""


@dataclass(eq=False)
class Task:
    """What is to be done for a request outside the decode steps. `open` begins it, again if a piece failed."""

    run: AnyRun
    open: Callable[[], Units]
    units: Units | None = None

    def unit(self) -> bool:
        """Do the next piece; False if that was the last."""
        try:
            if self.units is None:
                self.units = self.open()
                if next(self.units, self) is self:  # there is nothing to do
                    return False
            return next(self.units, self) is not self
        except BaseException:
            self.units = None
            raise


class Broken(NamedTuple):
    """The model computed no numbers for a request's rows."""

    run: DrawingRun | QuestionRun


class Ended(NamedTuple):
    """So many seats of a request have done their last step and are free."""

    run: DrawingRun | QuestionRun
    seats: int
