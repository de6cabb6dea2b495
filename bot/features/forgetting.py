"""What it means to forget somebody: everything of theirs that is open ends, and everything that was kept is deleted."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.core.client import JanusBot


async def forget(bot: "JanusBot", member: int) -> None:
    """Forget a member.

    What remains is what others need: that a server blocked them, and, for an hour, when they asked for something.
    """
    for delivery in bot.deliveries.of(member):
        delivery.cancel()
        bot.deliveries.discard(delivery)
    await bot.jobs.forget(member)
    await bot.reports.forget(member)
