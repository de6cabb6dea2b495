"""The one kind of error that is written for people."""

import os


class PlainError(Exception):
    """Something a person can mend. The message is one plain line: what is wrong, where, and what to do."""


def as_typed(command: str) -> str:
    """Return a command of this program as it has to be typed here: through uv, where uv has started the program."""
    return f"uv run janus-bot {command}" if "UV_RUN_RECURSION_DEPTH" in os.environ else f"janus-bot {command}"
