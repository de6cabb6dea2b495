from tests.bot.conftest import World
from tests.bot.seen import told_privately


async def status(world: World) -> str:
    return told_privately(await world.alice.slash(world.channel, "status"))


async def test_everybody_sees_what_is_going_on_on_one_screen(world: World) -> None:
    world.executor.becomes(
        model="/srv/weights/7b", device="cuda", dtype="bfloat16", rows=22, running=3, queued=4, step_seconds=0.0125
    )
    told = await status(world)
    assert "7b is ready" in told.replace("*", "")
    assert "/srv" not in told
    assert "CUDA, bfloat16" in told
    assert "Being worked on: 3 (rows in flight: 22) · waiting: 4" in told
    assert "80 steps a second" in told
    assert f"<t:{int(world.bot.since.timestamp())}:R>" in told


async def test_a_slow_machine_is_told_to_the_tenth(world: World) -> None:
    world.executor.becomes(step_seconds=0.4)
    assert "2.5 steps a second" in await status(world)


async def test_a_model_that_is_not_ready_says_so(world: World) -> None:
    for state, says in [
        ("loading", "is still loading"),
        ("failed", "can't be used just now"),
        ("closed", "is shutting down"),
    ]:
        world.executor.becomes(state=state)
        told = await status(world)
        assert says in told
        assert "not measured yet" in told
