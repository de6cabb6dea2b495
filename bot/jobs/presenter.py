"""What a delivery need not know: how a job looks on its message, which differs between drawings and answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from discord import ui
from PIL import Image

from bot.jobs.target import Parcel
from bot.media.uploads import Room, Upload
from bot.ui.layout import Standing
from model.requests import Answer, Pictures, Request


class Presenter(Protocol):
    """What a job looks like on its message."""

    @property
    def pace(self) -> float:
        """Seconds between two edits."""
        ...

    @property
    def ready(self) -> str:
        """What to call the asker with, when it took long."""
        ...

    def progress(self, standing: Standing) -> ui.LayoutView:
        """Show where the job stands."""
        ...

    async def preview(self, pictures: Sequence[Image.Image]) -> Sequence[Upload]:
        """Encode pictures on their way, as `progress` names them."""
        ...

    async def result(self, ending: Answer | Pictures, room: Room, mention: str, done: int) -> Sequence[Parcel]:
        """Show what came out, in as few messages as `room` allows.

        The first `done` files are sent already. Raises TooLargeError.
        """
        ...


@dataclass(frozen=True, slots=True)
class Revived:
    """A job that an earlier process took, with all that it takes to go on."""

    request: Request
    presenter: Presenter
    files: Sequence[Upload] = ()  # that belong to its message on the way
