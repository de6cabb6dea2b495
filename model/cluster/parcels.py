"""What travels between the bot's process and the replicas': dataclasses of this house, and pixels as plain arrays.

Pickles of pictures never travel: a picture may carry what its file said of itself, and files come from anybody.
"""

from dataclasses import dataclass, replace
from typing import Any, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.requests import Event, Request
from model.status import Status

T = TypeVar("T", bound=Request | Event)


@dataclass(frozen=True, slots=True)
class Parcel(Generic[T]):
    """A request or an event, with its pictures beside it."""

    body: T
    pictures: tuple[NDArray[np.uint8], ...] = ()  # height, width, RGB

    @classmethod
    def of(cls, body: T) -> Self:
        """Pack it."""
        if not getattr(body, "pictures", ()):
            return cls(body)
        whole: Any = body
        pixels = tuple(np.asarray(picture.convert("RGB")) for picture in whole.pictures)
        return cls(replace(whole, pictures=()), pixels)

    def unpack(self) -> T:
        """Return it as it was. Its pictures are copies: those that came lie in memory that others need."""
        if not self.pictures:
            return self.body
        whole: Any = self.body
        pictures = tuple(Image.fromarray(np.array(pixels)) for pixels in self.pictures)
        unpacked: T = replace(whole, pictures=pictures)
        return unpacked


@dataclass(frozen=True, slots=True)
class Told:
    """What a replica tells of a request: first that it has it, then its events."""

    job: str
    attempt: int
    sequence: int  # from 0, without a gap
    parcel: Parcel[Event] | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """How a replica is."""

    life: str  # which of its processes this is
    node: str  # the machine it is on, by Ray's id
    pid: int
    status: Status
    draining: bool
