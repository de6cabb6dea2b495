"""What outlives the process."""

import discord

from model.requests import Drawing, Failed, Pictures
from tests.bot.conftest import World, restart
from tests.bot.scripted import pictures
from tests.bot.seen import buttons, gallery, shown, text, told_privately


async def test_a_job_is_written_down_before_it_is_shown(world: World) -> None:
    world.env.inject_error("POST", "/interactions/*", status=403, times=1)
    await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2)
    record = await world.bot.store.jobs.get(world.executor.job.id)
    assert record
    assert record.request == world.executor.drawing
    world.env._errors.clear()


async def test_what_came_out_is_in_the_store(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2)
    record = await world.bot.store.jobs.get(world.executor.job.id)
    assert record
    assert (record.state, record.owner, record.model) == ("accepted", world.alice.id, "demo")
    assert (record.channel, record.message) == (world.channel.id, shown(result).id)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    record = await world.bot.store.jobs.get(world.executor.job.id)
    assert record
    assert record.state == "done"
    assert isinstance(record.result, Pictures)
    assert record.result.seeds == (7, 8)
    assert record.result.tokens == ((0,), (1,))


async def test_an_interrupted_drawing_is_tried_again_on_its_own_message(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2))
    await restart(world)
    await world.env.settle()
    assert "I was restarted before this was finished." in text(message)
    assert buttons(message) == ["Try again"]
    assert "Only the member who asked" in told_privately(await world.bob.click(message, label="Try again"))
    await world.alice.click(message, label="Try again")
    before, again = (job.request for job in world.executor.jobs)
    assert isinstance(again, Drawing)
    assert isinstance(before, Drawing)
    assert (again.prompt, again.seed, again.count) == (before.prompt, before.seed, before.count)
    world.executor.jobs[1].tell(pictures(again))
    await world.env.settle()
    assert len(gallery(message)) == 2


async def test_a_message_that_can_not_be_edited_tells_it_when_cancel_is_pressed(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2))
    world.env.inject_error("PATCH", "/channels/*", status=403, times=1)
    await restart(world)
    assert buttons(message) == ["Cancel"]
    await world.alice.click(message, label="Cancel")
    assert buttons(message) == ["Try again"]


async def test_only_who_may_cancel_learns_that_it_was_interrupted(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    world.env.inject_error("PATCH", "/channels/*", status=403, times=1)
    await restart(world)
    assert "Only the member who asked" in told_privately(await world.bob.click(message, label="Cancel"))


async def test_a_failed_drawing_is_tried_again(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=1))
    world.executor.job.tell(Failed("", "memory"))
    await world.env.settle()
    await world.alice.click(message, label="Try again")
    again = world.executor.jobs[1].request
    assert isinstance(again, Drawing)
    world.executor.jobs[1].tell(pictures(again))
    await world.env.settle()
    assert len(gallery(message)) == 1


async def test_a_disk_that_fails_costs_no_pictures(world: World) -> None:
    result = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    await world.bot.store.database.write("DROP TABLE jobs")
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert len(gallery(result)) == 5
    assert isinstance(result.message, discord.Message)
