"""What outlives the process."""

from datetime import timedelta

import discord

from model.requests import Drawing, Failed, Pictures
from tests.bot.conftest import World, restart
from tests.bot.samples import png
from tests.bot.scripted import pictures
from tests.bot.seen import buttons, gallery, text


async def test_a_job_is_written_down_before_it_is_shown_and_after_it_ended(world: World) -> None:
    world.env.inject_error("POST", "/interactions/*", status=403, times=1)
    await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2)
    record = await world.bot.store.jobs.get(world.executor.job.id)
    assert record
    assert record.request == world.executor.drawing
    world.env._errors.clear()


async def test_what_came_out_is_in_the_store(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2)
    assert result.response
    record = await world.bot.store.jobs.get(world.executor.job.id)
    assert record
    assert (record.state, record.owner, record.model) == ("accepted", world.alice.id, "demo")
    assert (record.channel, record.message) == (world.channel.id, result.response.id)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    record = await world.bot.store.jobs.get(world.executor.job.id)
    assert record
    assert record.state == "done"
    assert isinstance(record.result, Pictures)
    assert record.result.seeds == (7, 8)
    assert record.result.tokens == ((0,), (1,))


async def test_what_the_model_refuses_is_not_kept(world: World) -> None:
    world.executor.refusal = "At most 90 words, please."
    await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?")
    assert await world.bot.store.database.rows("SELECT * FROM jobs") == []


async def test_an_interrupted_drawing_is_tried_again_on_its_own_message(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2)
    assert result.response
    await restart(world)
    await world.env.settle()
    assert "I was restarted before this was done." in text(result.response)
    assert buttons(result.response) == ["Try again"]
    refused = await world.bob.click(result.response, label="Try again")
    assert refused.response
    assert refused.response.ephemeral
    assert "Only the member who asked" in refused.response.content
    await world.alice.click(result.response, label="Try again")
    before, again = (job.request for job in world.executor.jobs)
    assert isinstance(again, Drawing)
    assert isinstance(before, Drawing)
    assert (again.prompt, again.seed, again.count) == (before.prompt, before.seed, before.count)
    world.executor.jobs[1].tell(pictures(again))
    await world.env.settle()
    assert len(gallery(result.response)) == 2


async def test_a_message_that_can_not_be_edited_tells_it_when_cancel_is_pressed(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2)
    assert result.response
    world.env.inject_error("PATCH", "/channels/*", status=403, times=1)
    await restart(world)
    assert buttons(result.response) == ["Cancel"]
    await world.alice.click(result.response, label="Cancel")
    assert buttons(result.response) == ["Try again"]


async def test_only_who_may_cancel_learns_that_it_was_interrupted(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    assert result.response
    world.env.inject_error("PATCH", "/channels/*", status=403, times=1)
    await restart(world)
    refused = await world.bob.click(result.response, label="Cancel")
    assert refused.response
    assert "Only the member who asked" in refused.response.content


async def test_an_orderly_end_leaves_a_way_to_try_again(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    job_id = world.executor.job.id
    await world.bot.close()
    assert result.response
    assert buttons(result.response) == ["Try again"]
    await world.bot.store.database.open()
    record = await world.bot.store.jobs.get(job_id)
    assert record
    assert record.state == "interrupted"


async def test_a_failed_drawing_is_tried_again(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=1)
    world.executor.job.tell(Failed("", "memory"))
    await world.env.settle()
    assert result.response
    await world.alice.click(result.response, label="Try again")
    again = world.executor.jobs[1].request
    assert isinstance(again, Drawing)
    world.executor.jobs[1].tell(pictures(again))
    await world.env.settle()
    assert len(gallery(result.response)) == 1


async def test_a_button_of_a_request_that_expired_says_so(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    world.executor.job.tell(Failed("", "memory"))
    await world.env.settle()
    await world.env.advance_time(timedelta(days=world.bot.settings.store.keep_days, hours=25).total_seconds())
    assert result.response
    pressed = await world.alice.click(result.response, label="Try again")
    assert pressed.response
    assert pressed.response.ephemeral
    assert "I no longer know about this" in pressed.response.content


async def test_a_disk_that_fails_costs_no_pictures(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    await world.bot.store.database.write("DROP TABLE jobs")
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    assert result.response
    assert len(gallery(result.response)) == 5
    assert isinstance(result.response.message, discord.Message)
