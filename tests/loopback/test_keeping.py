"""Kept pictures on real sockets: members who press at the same moment, and one who takes no direct messages."""

from bot.core.client import JanusBot
from bot.texts import ENGLISH
from tests.bot.scripted import ScriptedExecutor, pictures
from tests.loopback.discord_server import Discord
from tests.loopback.messages import Message
from tests.loopback.state import GUILD, HERE, PRIVATE
from tests.loopback.test_faults import bot, executor, server, until, words
from tests.loopback.wire import ALICE

__all__ = ["bot", "executor", "server"]


async def drawn(bot: JanusBot, server: Discord, executor: ScriptedExecutor) -> Message:
    await bot.store.servers.change(int(GUILD), {"kept": int(HERE)})
    token = await server.slash("imagine", prompt="a red circle", count=1)
    await until(lambda: executor.jobs)
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: token in server.messages and "seed" in words(server.messages[token]))
    return server.messages[token]


async def test_members_who_keep_at_once_share_a_message(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    message = await drawn(bot, server, executor)
    tokens = []
    for number in range(3):
        server.member = ALICE | {"id": str(2000 + number), "username": f"member{number}"}
        tokens.append(await server.press(message, ENGLISH.keep))
    await until(lambda: all(t in server.messages and "Kept:" in words(server.messages[t]) for t in tokens))
    await until(lambda: any("Kept by: 3" in words(one) for one in server.messages.values()))
    assert sum("Kept by" in words(one) for one in server.messages.values()) == 1


async def test_who_takes_no_direct_messages_is_told_what_to_do(
    bot: JanusBot, server: Discord, executor: ScriptedExecutor
) -> None:
    message = await drawn(bot, server, executor)
    server.channels[PRIVATE].closed = server.refuses_rightly = True
    token = await server.press(message, ENGLISH.send_me)
    await until(lambda: any(ENGLISH.no_direct_messages in words(one) for one in server.messages.values()))
    server.channels[PRIVATE].closed = False
    token = await server.press(message, ENGLISH.send_me)
    await until(lambda: token in server.messages and "Sent:" in words(server.messages[token]))
