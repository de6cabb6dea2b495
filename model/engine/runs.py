"""What the engine knows of one request on its way: what it needs, what it has, and where its time went."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from model.engine.lanes import wanted
from model.network.cache import Seat
from model.requests import Drawing, Enlarge, Paint, Pictures, Preview, Question
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
    judgement: Sequence[int] = ()  # the ids of the question whether it shows its words; empty: nobody asks
    chance: float | None = None  # that it does, once that is judged


@dataclass(eq=False, kw_only=True)
class DrawingRun(Run):
    """A drawing. Its pictures are drawn together, or in several goes where the lane is small."""

    request: Drawing
    against: Sequence[int]  # what guidance compares with, BOS ... begin_of_image; none if with no words
    total: int  # image tokens of a picture
    pictures: list[Picture]
    waiting: list[Picture]  # those that have no seat yet
    drawing: list[tuple[Seat, Picture]] = field(default_factory=list)
    judge: "JudgeRun | None" = None  # at work on one of its pictures
    previewed: float = 0.0  # when the last preview was begun

    @property
    def drawn(self) -> list[Picture]:
        """The pictures whose tokens are all there, in the order they were asked for."""
        return [picture for picture in self.pictures if picture.tokens]

    @property
    def unjudged(self) -> Picture | None:
        """The next picture that is yet to be judged."""
        return next((picture for picture in self.drawn if picture.judgement and picture.chance is None), None)

    @property
    def left(self) -> Mapping[str, int]:
        """How many pictures each stage is for that comes after the last token."""
        shown, judged = min(len(self.pictures), self.request.count), bool(self.pictures[0].judgement)
        upscaled = shown if self.request.upscale else 0
        return {"pixels": len(self.pictures), "judge": len(self.pictures) if judged else 0, "upscale": upscaled}

    @property
    def shown(self) -> list[Picture]:
        """The pictures that are handed out: of a careful drawing, whose are all judged, the best, those first."""
        count = self.request.count
        if len(self.drawn) <= count:
            return self.drawn
        ranked = sorted(self.drawn, key=lambda picture: -(picture.chance or 0.0))
        if not self.request.prompts:
            return ranked[:count]
        best = {self.pictures.index(picture) % count: picture for picture in reversed(ranked)}
        return [picture for picture in ranked if picture in best.values()]

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
class ReadingRun(Run):
    """Something that is asked about pictures."""

    request: Question
    ids: Sequence[int]
    seat: Seat | None = None

    @property
    def held(self) -> int:
        """Seats that it has."""
        return int(self.seat is not None)

    @property
    def moving(self) -> bool:
        """Its row takes part in the steps."""
        return self.seat is not None and self.seat.moving


@dataclass(eq=False, kw_only=True)
class QuestionRun(ReadingRun):
    """A question."""

    pixels: list[Tensor]  # (3, size, size) a picture
    keys: NDArray[np.int32]  # of its stream: (tokens of the answer at its longest, 2)
    dropped_turns: int
    stream: TextStream
    answer: list[int] = field(default_factory=list)
    complete: bool = False  # the model has said that it is done


@dataclass(eq=False, kw_only=True)
class JudgeRun(ReadingRun):
    """The question whether a drawing's picture shows its words: nobody hears of it but that drawing."""

    drawing: DrawingRun
    picture: Picture

    @classmethod
    def of(cls, drawing: DrawingRun, picture: Picture) -> Self:
        """Ask about a picture that has its pixels."""
        assert picture.image is not None
        words = drawing.request.words(picture.seed)
        question = Question(pictures=(picture.image,), question=words, owner=drawing.request.owner)
        lane, seats = wanted(question)
        return cls(
            request=question,
            ids=picture.judgement,
            lane=lane,
            seats=seats,
            started=True,  # with its drawing, which is told all that there is to tell
            drawing=drawing,
            picture=picture,
        )


@dataclass(eq=False, kw_only=True)
class PaintRun(Run):
    """Pictures whose tokens are there already."""

    request: Paint
    pictures: list[Picture]
    moving: bool = False  # it has no rows

    @property
    def shown(self) -> list[Picture]:
        """The pictures that are handed out."""
        return self.pictures

    @property
    def left(self) -> Mapping[str, int]:
        """How many pictures each stage is for that comes after the last token."""
        return {"pixels": len(self.pictures), "upscale": len(self.pictures) if self.request.upscale else 0}

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


AnyRun = DrawingRun | QuestionRun | JudgeRun | PaintRun | EnlargeRun

Units = Iterator[None]
"""Work in bounded pieces. It stops *before* every piece: the first `next` does none, each further one does one."""

Making = Generator[None, None, Preview | Pictures | None]
"""Such work of which something comes for who asked, or nothing yet."""


@dataclass(eq=False)
class Task:
    """What is to be done for a request outside the decode steps. `open` begins it, again if a piece failed."""

    run: AnyRun
    open: Callable[[], Units]
    units: Units | None = None
    outcome: Preview | Pictures | None = None  # once it is done

    def unit(self) -> bool:
        """Do the next piece; False if that was the last."""
        try:
            if self.units is None:
                self.units = self.open()
                next(self.units)
            next(self.units)
            return True
        except StopIteration as end:
            self.outcome = end.value
            return False
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
