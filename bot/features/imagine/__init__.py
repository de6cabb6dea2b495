"""Drawing: the command, the gallery, and what follows from it."""

from bot.core.client import JanusBot
from bot.features.imagine import actions
from bot.features.imagine.command import imagine


async def setup(bot: JanusBot) -> None:
    """Add the command and the buttons."""
    bot.tree.add_command(imagine)
    await actions.setup(bot)
