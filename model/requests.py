"""What can be asked of the model, and what comes back.

Everything that travels between the asyncio side and the thread that owns the GPU is one of these frozen
dataclasses. No torch here: the bot imports this module, and must stay light.
"""

import io
import secrets
from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, Self

from PIL import Image

from model.status import Status

SEEDS = 2**32  # seeds are 0 to 2**32 - 1 and wrap
STREAM = 2  # how numbers are drawn from a seed: as long as this is the same, so is what a seed draws
GUIDANCE = (1.0, 10.0)  # these ranges include both ends
TEMPERATURE = (0.0, 2.0)
TOP_P = (0.0, 1.0)
TOP_K = (0, 2**20)  # 0: all
COUNT = (1, 5)
CANDIDATES = 2  # pictures that a careful drawing chooses each of its own from
ENLARGED_BELOW = 5000  # pixels on a side, as in the original program: pictures of that or more are refused


def random_seed() -> int:
    """Draw a seed, 0 to 2**32 - 1."""
    return secrets.randbelow(SEEDS)


def new_id() -> str:
    """Draw an id that fits in a button's custom_id and in a log line: 12 hex digits."""
    return secrets.token_hex(6)


Cause = Literal["prompt", "avoid", "question", "conversation", "pictures", "other"]  # what there is too much of


class Refused(ValueError):  # noqa: N818 (said of the request, in the past tense, like the events below)
    """A request that the model can't take. `reason` is one plain sentence for the person who asked.

    `cause` and `limit` (characters, of the words that are too many) tell the same to callers who speak other languages.
    """

    def __init__(self, reason: str, cause: Cause = "other", limit: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.cause = cause
        self.limit = limit


# -- requests ---------------------------------------------------------------------------------------------------------

Kind = Literal["drawing", "question", "enlargement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One earlier exchange of a conversation about the same pictures."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about one or more pictures. Defaults are those of DeepSeek's demo program (`app.py`)."""

    kind: ClassVar[Kind] = "question"

    pictures: tuple[Image.Image, ...]  # RGB, any size
    question: str
    turns: tuple[Turn, ...] = ()  # what was said before, oldest first
    seed: int = 42
    top_p: float = 0.95  # 0 to 1
    temperature: float = 0.1  # 0 (greedy) to 2
    max_new_tokens: int = 512
    owner: str = ""  # whom the request belongs to: the scheduler is fair between owners
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A prompt to draw `count` pictures of; picture i (from 0) is what seed + i draws alone.

    A `careful` one draws more, has the model judge whether each shows its words, and keeps the best, in that order.
    """

    kind: ClassVar[Kind] = "drawing"

    prompt: str  # as it was written
    prompts: tuple[str, ...] = ()  # of each candidate, if they have their own; then one is kept of i, i + count, ...
    avoid: str = ""  # what must not be in the pictures: guidance leads away from it
    always_avoid: str = ""  # what must not be there besides, whoever asks
    seed: int = field(default_factory=random_seed)
    guidance: float = 5.0  # 1 to 10; logits are u + guidance * (c - u)
    temperature: float = 1.0  # 0 (greedy: all pictures would be equal, so only one is drawn) to 2
    top_k: int = 0  # so many of the likeliest codes are drawn from; 0: all
    count: int = 5  # 1 to 5
    careful: bool = False  # more are drawn, and the best kept
    kept: tuple[int, ...] = ()  # image tokens to begin with, for a variation of an earlier picture
    upscale: bool = True
    previews: bool = False  # send Preview events; a careful one sends none: what is not kept is shown to nobody
    owner: str = ""
    id: str = field(default_factory=new_id)

    @property
    def tries(self) -> int:
        """How many candidates there are for each picture that is kept; greedy ones would be equal."""
        return CANDIDATES if self.careful and self.temperature else 1

    @property
    def candidates(self) -> int:
        """How many pictures are drawn; greedy ones of the same words would be equal."""
        return self.count * self.tries if self.temperature or self.prompts else 1

    def words(self, seed: int) -> str:
        """Return what the picture is of that has this seed."""
        return self.prompts[(seed - self.seed) % SEEDS] if self.prompts else self.prompt

    @property
    def avoided(self) -> str:
        """All that must not be in the pictures; empty if that is nothing."""
        return ", ".join(filter(None, (self.avoid.strip(), self.always_avoid.strip())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Enlarge:
    """A picture to upscale once more (x2). It waits as a file: of a large one, pixels are several times as much."""

    kind: ClassVar[Kind] = "enlargement"

    png: bytes  # RGB
    owner: str = ""
    id: str = field(default_factory=new_id)

    @classmethod
    def of(cls, picture: Image.Image, *, owner: str = "", id: str | None = None) -> Self:
        """Make the request of an RGB picture."""
        file = io.BytesIO()
        picture.save(file, "PNG", compress_level=1)
        return cls(png=file.getvalue(), owner=owner, id=id or new_id())

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture, in pixels."""
        with Image.open(io.BytesIO(self.png)) as picture:
            return picture.size

    def picture(self) -> Image.Image:
        """Return the picture."""
        with Image.open(io.BytesIO(self.png)) as picture:
            return picture.convert("RGB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """Pictures that were drawn before, to be made once more of their image tokens: the same to the pixel."""

    kind: ClassVar[Kind] = "drawing"

    tokens: tuple[tuple[int, ...], ...]  # of each picture, all there are
    seeds: tuple[int, ...]  # that came with them
    upscale: bool = True
    owner: str = ""
    id: str = field(default_factory=new_id)


Request = Question | Drawing | Enlarge | Paint

# -- events: any number of the first group, then exactly one of the second --------------------------------------------


@dataclass(frozen=True, slots=True)
class Queued:
    """The request waits: once more, if what worked on it died. Then all before this counts for nothing.

    `position` 1 is next; `eta` is an estimate in seconds from measured steps, None if unknown.
    """

    position: int
    eta: float | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """The request's rows are in the batch now."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` decode steps (a drawing: its image tokens). `eta`: seconds left, from measured steps."""

    done: int
    total: int
    eta: float | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The pictures as far as they are drawn, RGB, the rest grey."""

    pictures: tuple[Image.Image, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """The next words of an answer."""

    delta: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. `complete` is False if it stopped at `max_new_tokens`."""

    text: str
    tokens: int
    complete: bool
    dropped_turns: int  # earlier exchanges that did not fit the model's context
    seconds: dict[str, float]  # by stage: queue, prefill, decode


@dataclass(frozen=True, slots=True)
class Pictures:
    """Finished pictures, RGB."""

    pictures: tuple[Image.Image, ...]
    tokens: tuple[tuple[int, ...], ...]  # the image tokens of each picture; empty for Enlarge
    seeds: tuple[int, ...]  # the seed that draws each picture alone; empty for Enlarge
    seconds: dict[str, float]  # by stage: queue, prefill, decode, pixels, judge, upscale
    judged: tuple[float, ...] = ()  # of a careful drawing: how likely each shows its words, by the model, 0 to 1


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The request was cancelled; its rows are free."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The request failed. `reason` is for people.

    `kind`: "refused" (the model can't take it: the asker can mend it), "memory", "unavailable" (the model could not
    be loaded, or is closing), "died" (whatever ran it died, more than once: it may be the cause) or "bug" (logged under
    the request's id, with its traceback). `cause` and `limit` are those of the `Refused`.
    """

    reason: str
    kind: Literal["refused", "memory", "unavailable", "died", "bug"]
    cause: Cause = "other"
    limit: int = 0

    @classmethod
    def of(cls, refusal: Refused) -> Self:
        """Make the event of a refusal."""
        return cls(refusal.reason, "refused", refusal.cause, refusal.limit)


Passing = Queued | Started | Progress | Preview | Text
Final = Answer | Pictures | Cancelled | Failed
Event = Passing | Final


# -- the hand-over ----------------------------------------------------------------------------------------------------


class Job(AsyncIterable[Event], Protocol):
    """One request on its way: iterate over its events, once; the last one is a Final.

    A wait for the next event may be cancelled, by a timeout, and taken up again: no event is lost. (So the iterator is
    no async generator, which ends when it is cancelled.)
    """

    @property
    def id(self) -> str:
        """The request's id."""
        ...

    def cancel(self) -> None:
        """Ask for the end; the events then end with Cancelled, unless the request was just done. Safe to repeat."""
        ...


class Executor(Protocol):
    """Whatever runs requests. One thread with a GPU is the first; nothing in bot/ may notice which it is."""

    async def submit(self, request: Request) -> Job:
        """Take a request. Raises Refused (in milliseconds) if the model can't take it. Waits for nothing else."""
        ...

    def status(self) -> Status:
        """Tell what is going on, from any thread, at once."""
        ...

    async def close(self) -> None:
        """End every job (Cancelled) and the thread behind it. Always returns; safe to repeat."""
        ...
