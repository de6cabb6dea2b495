"""The commands that stay: `run` on Discord, and `playground` in a browser."""

import asyncio
from contextlib import suppress
from importlib.util import find_spec

from bot.check import DEMO, NO_PLAYGROUND
from bot.client import run_bot
from bot.config import Settings, read_token
from bot.opening import open_executor
from bot.terminal import log_to_stderr, run_to_end, say, show
from model.errors import PlainError


def run(settings: Settings) -> None:
    """Serve Discord until Ctrl-C or SIGTERM. Raises SettingsError if there is no token."""
    read_token(settings)  # before anything that takes long
    _greet(settings)
    asyncio.run(run_bot(settings, open_executor(settings)))


def playground(settings: Settings, port: int) -> None:
    """Serve a local browser page until Ctrl-C or SIGTERM. Raises PlainError if its library is not installed."""
    if not find_spec("simcord"):
        raise PlainError(NO_PLAYGROUND)
    from bot import playground as page

    _greet(settings)
    with suppress(KeyboardInterrupt, SystemExit):  # how it is meant to end
        run_to_end(page.playground(settings, open_executor(settings), _announce, port))
    say("The playground is closed.")


def _greet(settings: Settings) -> None:
    log_to_stderr()
    say(f"Model: {settings.model.name}. Ctrl-C ends it.")
    if settings.model.name == "demo":
        say(DEMO)


def _announce(address: str) -> None:
    say("Open this address in a browser; whoever knows it may use the playground:")
    show(address)
