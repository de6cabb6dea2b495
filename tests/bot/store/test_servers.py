"""What servers choose: read once, and the same for a next process."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.config import Store as Settings
from bot.store.servers import ServerSettings
from bot.store.store import Store

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


async def test_what_is_remembered_is_what_a_next_process_reads(tmp_path: Path) -> None:
    store = Store(Settings(folder=tmp_path))
    await store.open()
    await store.servers.change(1, {"spoilers": True, "limits": {"member_hourly": 5}})
    await store.servers.change(1, {"limits": {"member_hourly": None, "server_hourly": 9}, "refused": ["x"]})
    await store.servers.change(2, {"reports": 7})
    for minute, member in enumerate((30, 10, 20)):
        await store.servers.block(1, member, NOW + timedelta(minutes=minute))
    await store.servers.block(1, 30, NOW + timedelta(hours=1))  # again: no news
    await store.servers.unblock(1, 10)
    await store.servers.unblock(2, 10)
    for _ in range(2):
        assert await store.servers.get(1) == ServerSettings(spoilers=True, limits={"server_hourly": 9}, refused=["x"])
        assert await store.servers.get(2) == ServerSettings(reports=7)
        assert await store.servers.get(3) == await store.servers.get(None) == ServerSettings()
        assert list(await store.servers.blocked(1)) == [20, 30]
        assert await store.servers.is_blocked(1, 20)
        assert not await store.servers.is_blocked(1, 10)
        assert not await store.servers.is_blocked(None, 20)
        await store.close()
        store = Store(Settings(folder=tmp_path))
        await store.open()
    await store.close()
