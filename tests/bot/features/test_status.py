import pytest

from tests.bot.conftest import World
from tests.bot.seen import text


async def shown(world: World) -> str:
    result = await world.alice.slash(world.channel, "status")
    assert result.response
    assert result.response.ephemeral
    return text(result.response)


async def test_everybody_sees_what_is_going_on_on_one_screen(world: World) -> None:
    world.executor.becomes(
        model="/srv/weights/7b", device="cuda", dtype="bfloat16", rows=22, running=3, queued=4, step_seconds=0.0125
    )
    told = await shown(world)
    assert "7b is ready" in told.replace("*", "")
    assert "/srv" not in told
    assert "CUDA, bfloat16" in told
    assert "Being worked on: 3 (rows in flight: 22) · waiting: 4" in told
    assert "80 steps a second" in told
    assert f"<t:{int(world.bot.since.timestamp())}:R>" in told


async def test_a_slow_machine_is_told_to_the_tenth(world: World) -> None:
    world.executor.becomes(step_seconds=0.4)
    assert "2.5 steps a second" in await shown(world)


@pytest.mark.parametrize(
    ("state", "says"),
    [("loading", "is still loading"), ("failed", "can't be used just now"), ("closed", "is shutting down")],
)
async def test_a_model_that_is_not_ready_says_so(world: World, state: str, says: str) -> None:
    world.executor.becomes(state=state)
    told = await shown(world)
    assert says in told
    assert "not measured yet" in told
