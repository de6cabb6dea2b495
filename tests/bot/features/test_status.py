from model.requests import Pictures
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
    assert "Runs on: GPU\nWorking on: 3 · waiting: 4\n" in told
    assert not {"bfloat16", "22", "rows", "steps"} & set(told.split())
    assert f"<t:{int(world.bot.since.timestamp())}:R>" in told


async def test_it_says_how_long_drawings_took_lately(world: World) -> None:
    for seconds in (1.0, 4.0, 100.0):
        world.bot.metrics.ended("drawing", Pictures((), (), (), {"queue": 30.0, "decode": seconds, "pixels": 1.0}))
    assert "A drawing takes about 5 s." in await status(world)


async def test_it_says_that_the_bot_is_paused(world: World) -> None:
    world.bot.paused = True
    assert "Paused by the bot" in await status(world)


async def test_a_model_that_is_not_ready_says_so(world: World) -> None:
    for state, says in [
        ("loading", "is still loading"),
        ("failed", "isn't available"),
        ("closed", "is shutting down"),
    ]:
        world.executor.becomes(state=state)
        told = await status(world)
        assert says in told
        assert "A drawing takes" not in told
