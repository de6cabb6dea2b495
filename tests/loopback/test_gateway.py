"""What the gateway says that nobody can read costs that word alone, and never the bot."""

from pathlib import Path

import pytest

from tests.bot.scripted import ScriptedExecutor, pictures
from tests.loopback.discord_server import Discord
from tests.loopback.test_faults import executor, server, until
from tests.loopback.test_starting import TOKEN, running, said

__all__ = ["executor", "server"]


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)


async def draws(server: Discord, executor: ScriptedExecutor) -> bool:
    """Have a picture drawn."""
    token = await server.slash("imagine", prompt="a red circle", count=1)
    await until(lambda: executor.jobs)
    executor.job.tell(pictures(executor.drawing))
    await until(lambda: token in server.messages and server.messages[token].files)
    return True


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("INTERACTION_CREATE", {"id": "no number"}),
        ("MESSAGE_CREATE", {}),
        ("GUILD_CREATE", None),
        ("CHANNEL_UPDATE", ["of another kind"]),
    ],
)
async def test_an_event_that_can_not_be_read_is_left_out(
    server: Discord,
    executor: ScriptedExecutor,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    event: str,
    data: object,
) -> None:
    async with running(executor, tmp_path) as task:
        await until(server.identified.is_set)
        await server.dispatch(event, data)  # type: ignore[arg-type]
        assert await draws(server, executor)
        assert not task.done()
        assert server.connections == 1
    assert any(record.exc_info for record in caplog.records)  # so that whoever runs it can tell us


@pytest.mark.parametrize(
    "words", ["<html>Access denied</html>", "[]", "null", '{"op": 0, "t": ', b"garbage\x00\x00\xff\xff"]
)
async def test_after_anything_else_it_connects_anew(
    server: Discord, executor: ScriptedExecutor, tmp_path: Path, caplog: pytest.LogCaptureFixture, words: str | bytes
) -> None:
    async with running(executor, tmp_path) as task:
        await until(server.identified.is_set)
        await server.babble(words)
        await until(lambda: server.connections == 2)
        assert await draws(server, executor)
        assert not task.done()
    assert len(said(caplog, "connecting anew")) == 1
