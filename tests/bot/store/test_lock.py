"""The data folder: one process's at a time, and its owner's alone."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.config import ROOT
from bot.config import Store as Settings
from bot.store.store import Store
from model.errors import PlainError

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOLDS = """
import asyncio, os, sys
from pathlib import Path
from bot.config import Store as Settings
from bot.store.store import Store
async def main():
    store = Store(Settings(folder=Path(sys.argv[1])))
    await store.open()
    print("open", flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""


async def test_a_second_process_is_refused_in_one_line_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    first = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDS, str(tmp_path)), cwd=ROOT, stdin=PIPE, stdout=PIPE
    )
    assert first.stdout
    assert await first.stdout.readline() == b"open\n"
    store = Store(Settings(folder=tmp_path))
    try:
        with pytest.raises(PlainError) as refused:
            await store.open()
        assert str(refused.value).startswith(f"store.folder: another janus-bot works with {tmp_path}: stop that one")
        assert "\n" not in str(refused.value)
        await first.communicate(b"")
        await store.open()
    finally:
        await store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
async def test_nobody_else_can_read_what_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    (folder / "janus.sqlite3").touch(mode=0o644)
    store = Store(Settings(folder=folder))
    await store.open()
    await store.reports.add(1, 2, NOW)
    assert folder.stat().st_mode & 0o777 == 0o700
    modes = {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()}
    assert modes.keys() >= {"janus.sqlite3", "janus.sqlite3-wal", "janus.lock"}
    assert set(modes.values()) == {0o600}
    await store.close()


async def test_a_folder_that_can_not_be_made_is_a_plain_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PlainError, match=r"store\.folder: .* can't be used"):
        await Store(Settings(folder=tmp_path / "file" / "data")).open()
