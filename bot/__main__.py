"""`python -m bot` is `janus-bot`."""

from bot.cli.main import script

script()
