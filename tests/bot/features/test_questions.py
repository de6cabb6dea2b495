"""What a question costs while it waits."""

import gc
import os
from pathlib import Path

import pytest

from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.seen import shown, text

MEMORY = Path("/proc/self/statm")
LARGEST = (8000, 5000)  # pixels: what the settings allow, in a file of 130 kB
MEGA = 1_000_000


def resident() -> int:
    """Bytes of memory that this process has."""
    gc.collect()
    return int(MEMORY.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not MEMORY.exists(), reason="only Linux tells it there")
async def test_a_question_that_waits_holds_less_than_20_mb(world: World) -> None:
    file = ("huge.png", png(LARGEST))
    assert len(file[1]) < 150_000

    async def ask() -> None:
        told = await world.alice.slash(
            world.channel, "ask", image=file, question="What is this?", image_2=file, image_3=file, image_4=file
        )
        assert "Getting ready" in text(shown(told))

    await ask()  # what decoding needs once is no question's
    before = resident()
    for _ in range(3):
        await ask()
    assert (resident() - before) / 3 < 20 * MEGA
    assert len(world.executor.jobs) == 4
