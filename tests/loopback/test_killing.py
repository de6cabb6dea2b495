"""A real process is killed at random moments: every job ends once, and nobody has to press anything."""

import sys
from pathlib import Path

import pytest

from tests.loopback.killing import rampage

SECONDS = 45.0  # of killing; what is left then may take as long again


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.timeout(150)
async def test_every_job_ends_once_whenever_its_process_is_killed(tmp_path: Path) -> None:
    tally = await rampage(tmp_path, kills=1000, seconds=SECONDS, seed=2026)
    table = "\n".join(tally.lines())
    assert not tally.wrong, table
    assert tally.kills >= 3, table
    assert any(ended == "delivered" for _, _, ended in tally.table), table
