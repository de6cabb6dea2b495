"""The commands with a bot in them: `run` on Discord, `playground` in a browser, and `selftest`."""

import logging
from contextlib import suppress
from importlib.util import find_spec

import discord

from bot.app import run_bot
from bot.cli.check import NO_PLAYGROUND, demo_lines
from bot.cli.console import log_to_stderr, run_to_end, say, show
from bot.config import Settings
from bot.core.text import is_demo
from bot.token import read_token
from model.errors import PlainError
from model.opening import drain_replica, open_executor


def run(settings: Settings) -> None:
    """Serve Discord until Ctrl-C or SIGTERM. Raises PlainError: no token, a wrong one, or no way to Discord."""
    read_token(settings)  # before anything that takes long
    log_to_stderr(logging.INFO)
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # that there is no voice alarms nobody
    _greet(settings)
    executor = open_executor(settings.model, settings.engine, settings.executor)
    with suppress(KeyboardInterrupt, SystemExit):  # how it is meant to end
        run_to_end(run_bot(settings, executor))


def selftest(settings: Settings, guild: int, channel: int) -> bool:
    """Try everything on a real Discord. Raises PlainError as `run` does."""
    from bot.cli.selftest import selftest as try_all

    read_token(settings)
    log_to_stderr(logging.WARNING)
    executor = open_executor(settings.model, settings.engine, settings.executor)
    return run_to_end(try_all(settings, executor, guild, channel))


def playground(settings: Settings, port: int) -> None:
    """Serve a local browser page until Ctrl-C or SIGTERM. Raises PlainError if its library is not installed."""
    if not find_spec("simcord"):
        raise PlainError(NO_PLAYGROUND)
    from bot.cli import playground as page

    log_to_stderr(logging.WARNING)
    _greet(settings)
    say("Opening the playground…")
    with suppress(KeyboardInterrupt, SystemExit):  # how it is meant to end
        run_to_end(
            page.playground(
                settings, open_executor(settings.model, settings.engine, settings.executor), _announce, port
            )
        )
    say("The playground is closed.")


def drain(settings: Settings, replica: str) -> None:
    """Let a replica of a bot that runs finish what it has, and wait for that. Raises PlainError."""
    say(f"Replica {replica} gets nothing new. Waiting for what it has…")
    drain_replica(settings.executor.address, replica)
    say(f"Replica {replica} has finished. It comes back when its process, or the bot, is started again.")


def _greet(settings: Settings) -> None:
    say(f"Model: {settings.model.name}. Ctrl-C ends it.")
    if is_demo(settings.model.name):
        for line in demo_lines():
            say(f"  {line}")


def _announce(address: str) -> None:
    say("Open this address in a browser; whoever knows it may use the playground:")
    show(address)
