"""What outlives the process."""

from dataclasses import replace

import discord

from bot.core.open_jobs import OpenJobs
from bot.store.records import JobRecord
from model.requests import Drawing, Failed, Paint, Pictures, Question, Request
from tests.bot.conftest import World, restart
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import buttons, fields, files, gallery, shown, text, told_privately


async def test_a_job_is_written_down_before_it_is_shown(world: World) -> None:
    world.env.inject_error("POST", "/interactions/*", status=403, times=1)
    await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2)
    record = await world.bot.store.jobs.get(world.executor.job.id)
    assert record
    assert record.request == world.executor.drawing
    world.env._errors.clear()


async def test_what_came_out_is_in_the_store(world: World) -> None:
    result = await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2)
    record = await stored(world)
    assert (record.state, record.owner, record.model) == ("running", world.alice.id, "demo")
    assert (record.address.channel, record.address.message) == (world.channel.id, shown(result).id)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    record = await stored(world)
    assert (record.state, record.address.token) == ("delivered", None)
    assert isinstance(record.result, Pictures)
    assert record.result.seeds == (7, 8)
    assert record.result.tokens == ((0,), (1,))


# -- what a process leaves behind when it dies ------------------------------------------------------------------------


async def stored(world: World) -> JobRecord:
    """What stands in the store of the only job."""
    record = await world.bot.store.jobs.get(world.executor.jobs[0].id)
    assert record
    return record


async def test_a_drawing_goes_on_with_the_same_seeds_on_its_own_message(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2))
    await restart(world)
    await world.env.settle()
    before, again = (job.request for job in world.executor.jobs)
    assert again == before
    assert buttons(message) == ["Cancel"]
    world.executor.jobs[1].tell(pictures(drawing_of(again)))
    await world.env.settle()
    assert sorted(file.filename for file in files(message)) == ["janus-7.png", "janus-8.png"]
    assert (await stored(world)).state == "delivered"


async def test_a_drawing_that_waited_for_its_turn_is_queued_again(world: World) -> None:
    limits = world.bot.settings.limits.model_copy(update={"member_running": 1})
    world.bot.settings = world.bot.settings.model_copy(update={"limits": limits})
    for seed in (1, 2):
        await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=seed)
    await restart(world)
    await world.env.settle()
    assert [drawing_of(job.request).seed for job in world.executor.jobs] == [1, 1]
    world.executor.jobs[1].tell(pictures(drawing_of(world.executor.jobs[1].request)))
    await world.env.settle()
    assert [drawing_of(job.request).seed for job in world.executor.jobs] == [1, 1, 2]


def drawing_of(request: Request) -> Drawing:
    assert isinstance(request, Drawing)
    return request


async def test_a_question_goes_on_with_its_pictures_and_what_was_said_before(world: World) -> None:
    first = shown(await world.alice.slash(world.channel, "ask", image=("cat.png", png((50, 40))), question="What?"))
    world.executor.jobs[0].tell(answer("A cat."))
    await world.env.settle()
    form = await world.alice.click(first, label="Ask more")
    (field,) = fields(form)
    second = shown(await world.alice.submit_modal(form, {field["custom_id"]: "Which colour?"}))
    await restart(world)
    await world.env.settle()
    before, again = (job.request for job in world.executor.jobs[1:])
    assert isinstance(before, Question)
    assert isinstance(again, Question)
    assert (again.question, again.turns, again.seed) == (before.question, before.turns, before.seed)
    assert [picture.tobytes() for picture in again.pictures] == [picture.tobytes() for picture in before.pictures]
    world.executor.jobs[2].tell(answer("Grey."))
    await world.env.settle()
    assert "Grey." in text(second)
    assert len(files(second)) == 1


async def test_a_private_answer_stays_private(world: World) -> None:
    message = shown(
        await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?", private=True)
    )
    before = world.channel.last_message
    await restart(world)
    await world.env.settle()
    world.executor.jobs[1].tell(answer("A secret cat."))
    await world.env.settle()
    assert "A secret cat." in text(message)
    assert world.channel.last_message == before


async def test_what_was_made_is_delivered_without_drawing_again(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2))
    made = pictures(world.executor.drawing)
    await world.bot.store.jobs.move(world.executor.job.id, "made", discord.utils.utcnow(), outcome=made)
    await restart(world)
    await world.env.settle()
    paint = world.executor.jobs[1].request
    assert isinstance(paint, Paint)
    assert (paint.tokens, paint.seeds) == (made.tokens, made.seeds)
    world.executor.jobs[1].tell(replace(made, seconds={"pixels": 99.0}))
    await world.env.settle()
    assert len(gallery(message)) == 2
    assert "2.5 s" in text(message)  # as it took the first time
    assert (await stored(world)).state == "delivered"


async def test_an_answer_that_was_made_needs_no_model(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?"))
    await world.bot.store.jobs.move(world.executor.job.id, "made", discord.utils.utcnow(), outcome=answer("A cat."))
    await restart(world)
    await world.env.settle()
    assert len(world.executor.jobs) == 1
    assert "A cat." in text(message)


async def test_another_model_draws_anew_what_the_one_before_had_made(world: World) -> None:
    await world.alice.slash(world.channel, "imagine", prompt="a red circle", seed=7, count=2)
    made = pictures(world.executor.drawing)
    await world.bot.store.jobs.move(world.executor.job.id, "made", discord.utils.utcnow(), outcome=made)
    world.executor.becomes(model="7b")
    await restart(world)
    await world.env.settle()
    assert drawing_of(world.executor.jobs[1].request).seed == 7
    world.executor.jobs[1].tell(pictures(drawing_of(world.executor.jobs[1].request)))
    await world.env.settle()
    assert ((await stored(world)).state, (await stored(world)).model) == ("delivered", "7b")


async def test_another_model_does_not_go_on_from_the_tokens_of_the_one_before(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=1))
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    variation = shown(await world.alice.click(message, label="Vary"))
    world.executor.becomes(model="7b")
    await restart(world)
    await world.env.settle()
    assert len(world.executor.jobs) == 2
    assert "A different model drew this" in text(variation)


async def test_a_job_that_was_running_when_two_processes_died_fails_and_says_so(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    await restart(world)
    await world.env.settle()
    assert len(world.executor.jobs) == 2
    await restart(world)
    await world.env.settle()
    assert len(world.executor.jobs) == 2
    assert "crashed more than once" in text(message)
    assert buttons(message) == ["Try again"]
    record = await stored(world)
    assert record.state == "failed"
    assert record.told
    await restart(world)
    await world.env.settle()
    assert len(world.executor.jobs) == 2


async def test_whoever_was_not_told_is_told(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    await world.bot.store.jobs.move(world.executor.job.id, "cancelled", discord.utils.utcnow())
    await restart(world)
    await world.env.settle()
    assert "Cancelled." in text(message)
    assert (await stored(world)).told


async def test_a_picture_that_was_not_read_yet_is_read_from_where_it_was_handed_in(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?"))
    await world.bot.store.database.write("DELETE FROM pictures")
    await restart(world)
    await world.env.settle()
    before, again = (job.request for job in world.executor.jobs)
    assert isinstance(before, Question)
    assert isinstance(again, Question)
    assert [picture.tobytes() for picture in again.pictures] == [picture.tobytes() for picture in before.pictures]
    world.executor.jobs[1].tell(answer("A cat."))
    await world.env.settle()
    assert "A cat." in text(message)
    assert (await stored(world)).sources == ()


async def test_a_picture_that_is_nowhere_any_more_is_asked_for_once_more(world: World) -> None:
    await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?")
    await world.bot.store.database.write("DELETE FROM pictures")
    await world.bot.store.database.write("UPDATE jobs SET sources = '[]'")
    await restart(world)
    await world.env.settle()
    record = await stored(world)
    assert record.state == "failed"
    assert record.told


async def test_after_fifteen_minutes_a_drawing_goes_to_the_channel_and_its_message_says_so(world: World) -> None:
    panel = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=1))
    await world.bot.store.close()
    await world.env.advance_time(20 * 60)
    await restart(world)
    await world.env.settle()
    assert "in this channel when it's ready" in text(panel)
    world.executor.jobs[1].tell(pictures(drawing_of(world.executor.jobs[1].request)))
    await world.env.settle()
    message = world.channel.last_message
    assert message
    assert message.id != panel.id
    assert len(files(message)) == 1
    assert (await stored(world)).address.message == message.id


async def test_after_fifteen_minutes_a_private_answer_waits_in_the_queue(world: World) -> None:
    await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?", private=True)
    await world.bot.store.close()
    await world.env.advance_time(20 * 60)
    await restart(world)
    await world.env.settle()
    world.executor.jobs[1].tell(answer("A secret cat."))
    await world.env.settle()
    assert (await stored(world)).state == "undelivered"
    await restart(world)
    await world.env.settle()
    seen = shown(await world.alice.slash(world.channel, "queue"))
    assert buttons(seen) == ["Show", "Refresh"]
    assert "A secret cat." in told_privately(await world.alice.click(seen, label="Show"))
    assert len(world.executor.jobs) == 2
    assert (await stored(world)).state == "delivered"
    assert "already ended" in told_privately(await world.alice.click(seen, label="Show"))


async def test_a_message_that_nobody_could_change_tells_how_it_stands_when_cancel_is_pressed(world: World) -> None:
    message = shown(
        await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What?", private=True)
    )
    job, now = world.executor.job.id, discord.utils.utcnow()
    await world.bot.store.jobs.move(job, "made", now, outcome=answer("A secret cat."))
    await world.bot.store.jobs.move(job, "undelivered", now)
    world.bot.open_jobs = OpenJobs()  # as it is in the next process
    await world.alice.click(message, label="Cancel")
    assert buttons(message) == ["Show"]
    assert "A secret cat." in told_privately(await world.alice.click(message, label="Show"))
    assert "A secret cat." not in text(message)


async def test_a_reply_goes_on(world: World) -> None:
    assert world.bot.user
    words = f"{world.bot.user.mention} What is it?"
    said = await world.alice.send(world.channel, words, attachments=[("cat.png", png())])
    reply = world.channel.last_message
    assert reply
    assert reply.id != said.id
    await restart(world)
    await world.env.settle()
    world.executor.jobs[1].tell(answer("A cat."))
    await world.env.settle()
    assert world.channel.last_message
    assert world.channel.last_message.id == reply.id
    assert "A cat." in str(world.channel.last_message.components)


async def test_cancel_works_before_the_job_is_taken_up(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    world.bot.open_jobs = OpenJobs()  # as it is in a process that has just begun
    assert "Only the member who asked" in told_privately(await world.bob.click(message, label="Cancel"))
    await world.alice.click(message, label="Cancel")
    assert "Cancelled." in text(message)
    assert (await stored(world)).state == "cancelled"


# -- what is left to be pressed ---------------------------------------------------------------------------------------


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
