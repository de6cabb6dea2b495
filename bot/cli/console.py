"""What a command says on the way: messages and bars on stderr, so that stdout holds results alone."""

import asyncio
import logging
import re
import signal
import sys
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

T = TypeVar("T")

# Whoever knows an interaction's token may edit its message, and addresses with tokens are in libraries' errors.
_ADDRESS: Final = re.compile(r"(/(?:webhooks|interactions)/\d+/)[\w.~%-]+")


def say(message: str) -> None:
    """Tell the person at the terminal something that is no result."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def show(result: str, end: str = "\n") -> None:
    """Write a result, or a piece of one, to stdout at once."""
    sys.stdout.write(f"{result}{end}")
    sys.stdout.flush()


def bars(*columns: ProgressColumn) -> Progress:
    """Make progress bars that show on a terminal only, and go when they are done. `columns` come before the time."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


class TokenlessFormatter(logging.Formatter):
    """Formats records, tracebacks too, without the tokens of interactions and webhooks."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text."""
        return _ADDRESS.sub(r"\1[token]", super().format(record))


def log_to_stderr(level: int) -> None:
    """Let a command that stays log to stderr: our own events from `level` on, the libraries' warnings."""
    handler = logging.StreamHandler()
    handler.setFormatter(TokenlessFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for ours in ("bot", "model"):
        logging.getLogger(ours).setLevel(level)


def log_bugs_to_stderr() -> None:
    """Let the log of a command that ends show bugs alone; other failures come back as results, and are said once."""
    handler = logging.StreamHandler()
    handler.setFormatter(TokenlessFormatter())
    handler.addFilter(lambda record: record.exc_info is not None)
    logging.basicConfig(handlers=[handler])


def run_to_end(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end. Ctrl-C and SIGTERM cancel it, so that what it holds is closed in order.

    Raises KeyboardInterrupt or SystemExit then.
    """

    async def with_signals() -> T:
        task = asyncio.ensure_future(main)
        if sys.platform != "win32":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    try:
        return asyncio.run(with_signals())
    except asyncio.CancelledError:
        raise SystemExit(128 + signal.SIGTERM) from None
