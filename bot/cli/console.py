"""What a command says on the way: messages and bars on stderr, so that stdout holds results alone."""

import asyncio
import logging
import os
import re
import signal
import sys
from collections.abc import Coroutine
from copy import copy
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from model.errors import PlainError

T = TypeVar("T")

# Whoever knows an interaction's token may edit its message, and addresses with tokens are in libraries' errors.
_ADDRESS: Final = re.compile(r"(/(?:webhooks|interactions)/\d+/)[\w.~%-]+")


def say(message: str) -> None:
    """Tell the person at the terminal something that is no result."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def show(result: str, end: str = "\n") -> None:
    """Write a result, or a piece of one, to stdout at once. Raises PlainError if it does not take it: a full disk.

    Raises BrokenPipeError if nobody reads on.
    """
    try:
        sys.stdout.write(f"{result}{end}")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise PlainError(f"the result can't be written: {error.strerror}") from None


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
    """Formats records, tracebacks too, without the tokens of interactions and webhooks.

    Of a network's failure that discord.py logs, and mends itself, one line is enough.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's text."""
        error = record.exc_info[1] if record.exc_info else None
        if record.name.startswith("discord") and _is_network(error):
            record = copy(record)
            record.msg, record.args = f"{record.getMessage()} ({type(error).__name__})", ()
            record.exc_info = record.exc_text = None
        return _ADDRESS.sub(r"\1[token]", super().format(record))


def _is_network(error: BaseException | None) -> bool:
    """Tell whether an error is a network's, or Discord's. (This file imports neither: it is needed for --help.)"""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in ("aiohttp", "discord")


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

    A second one ends the process at once: whatever must not be lost has to be on the disk by then. Raises
    KeyboardInterrupt or SystemExit after the first.
    """
    told: list[signal.Signals] = []

    async def with_signals() -> T:
        task, loop = asyncio.ensure_future(main), asyncio.get_running_loop()

        def stop(number: signal.Signals) -> None:
            if told:
                os._exit(128 + number)
            told.append(number)
            task.cancel()

        if sys.platform != "win32":
            for number in (signal.SIGTERM, signal.SIGINT):
                if signal.getsignal(number) != signal.SIG_IGN:  # as SIGINT is for what a shell runs in the background
                    loop.add_signal_handler(number, stop, number)
        return await task

    try:
        return asyncio.run(with_signals())
    except asyncio.CancelledError:
        if signal.SIGINT in told:
            raise KeyboardInterrupt from None
        raise SystemExit(128 + signal.SIGTERM) from None
