from typing import Literal

from model.requests import Pictures
from model.status import Replica, Status
from tests.bot.conftest import World
from tests.bot.seen import told_privately

State = Literal["loading", "ready", "failed"]


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


def replica(name: str, state: State, *, running: int = 0, draining: bool = False) -> Replica:
    return Replica(name, Status(state=state, model="7b", running=running), draining)


async def test_each_of_several_replicas_has_a_line(world: World) -> None:
    there = (replica("1", "ready", running=3), replica("2", "loading"), replica("3", "ready", draining=True))
    world.executor.becomes(replicas=there)
    told = await status(world)
    assert "Replica 1: working on 3\nReplica 2: loading\nReplica 3: only finishing" in told
    world.executor.becomes(replicas=tuple(replica(str(i), "ready" if i else "failed") for i in range(64)))
    told = await status(world)
    assert "Replicas ready: 63 of 64" in told
    assert "Replica 1" not in told


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
