"""The line under the bot's name, as it goes over the socket."""

from bot.core.client import JanusBot
from tests.loopback.discord_server import Discord
from tests.loopback.test_faults import bot, executor, server, until

__all__ = ["bot", "executor", "server"]


async def test_discord_is_told_at_the_login(bot: JanusBot, server: Discord) -> None:
    await until(lambda: server.presences)
    (told,) = server.presences
    (activity,) = told["activities"]
    assert (activity["type"], activity["state"]) == (4, f"{bot.executor.status().model} · free")
    assert told["status"] == "online"
