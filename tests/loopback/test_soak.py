"""Jobs while Discord has faults at random, tokens end early and the process is killed: each has one outcome."""

import sys
from pathlib import Path

import pytest

from tests.loopback.soak import DOUBTFUL, PASSING, soak

JOBS = 90
SECONDS = 15.0  # of asking; what is left then has its time


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.timeout(150)
async def test_every_job_has_one_outcome_whatever_discord_answers(tmp_path: Path) -> None:
    done = await soak(tmp_path, JOBS, seed=2026, seconds=SECONDS, lives=2)
    whole = "\n".join(done.report(SECONDS))
    assert not done.tally.wrong, whole
    assert done.tally.kills == 1, whole
    jobs = done.jobs()
    assert jobs, whole
    assert {job["state"] for job in jobs} <= {"delivered", "undelivered", "failed", "cancelled"}, whole
    assert sum(job["state"] == "delivered" for job in jobs) > len(jobs) / 2, whole
    assert len(done.weather.met) > (len(PASSING) + len(DOUBTFUL)) / 2, whole
