"""`python -m bot` is `janus-bot`."""

from bot.cli import main

main()
