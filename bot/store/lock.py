"""The data folder: its owner's alone, and one process's at a time."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from model.errors import PlainError

FILE: Final = "janus.lock"
PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600


class FolderLock:
    """Holds a folder from `take` to `release`, or to the end of the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: IO[bytes] | None = None

    def take(self) -> None:
        """Make the folder if need be, close it to others, and hold it. Raises OSError, or PlainError if it is held."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with suppress(PermissionError):  # it is somebody else's, who lets this process write there
            self.folder.chmod(PRIVATE_FOLDER)
            for file in self.folder.glob("janus.sqlite3*"):
                file.chmod(PRIVATE_FILE)
        held = open(os.open(self.folder / FILE, os.O_RDWR | os.O_CREAT, PRIVATE_FILE), "r+b")  # noqa: SIM115
        try:
            _lock(held)
        except OSError:
            held.close()
            raise PlainError(
                f"store.folder: another janus-bot works with {self.folder}: stop that one first, or give this one a "
                "folder of its own"
            ) from None
        self._held = held

    def release(self) -> None:
        """Let the folder go. Safe to repeat."""
        held, self._held = self._held, None
        if held:
            held.close()


def _lock(file: IO[bytes]) -> None:
    """Lock a file until it is closed. Raises OSError if another has it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
