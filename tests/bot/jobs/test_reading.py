"""While a picture is read, which may take long."""

import asyncio

from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.seen import buttons, shown, text


async def asked(world: World, arrives: asyncio.Event) -> None:
    """Alice asks about a picture that arrives when it may."""
    whole = world.bot.read

    async def slow(url: str, most: int) -> bytes:
        await world.bot.queue.wait(arrives.wait())  # the simulated clock must know of it
        return await whole(url, most)

    world.bot.read = slow
    await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What is it?")


async def test_it_stands_in_the_queue_and_is_cancelled_on_its_message(world: World) -> None:
    await asked(world, asyncio.Event())
    (job,) = world.bot.open_jobs.of(world.alice.id)
    listed = shown(await world.alice.slash(world.channel, "queue"))
    assert "What is it?\nLooking at the picture…" in text(listed).replace("*", "")
    message = world.channel.last_message
    assert message
    await world.alice.click(message, label="Cancel")
    assert world.executor.jobs == []
    assert world.bot.open_jobs.of(world.alice.id) == []
    record = await world.bot.store.jobs.get(job.id)
    assert record
    assert (record.state, record.told is not None) == ("cancelled", True)
    assert world.bot.queue.open == 0


async def test_it_is_cancelled_from_the_queue(world: World) -> None:
    await asked(world, asyncio.Event())
    listed = shown(await world.alice.slash(world.channel, "queue"))
    await world.alice.click(listed, label="Cancel")
    assert "Cancelled." in text(listed)
    assert world.bot.open_jobs.of(world.alice.id) == []


async def test_it_goes_on_when_the_picture_is_there(world: World) -> None:
    arrives = asyncio.Event()
    await asked(world, arrives)
    arrives.set()
    await world.env.settle()
    assert world.executor.question.pictures
    listed = shown(await world.alice.slash(world.channel, "queue"))
    assert buttons(listed) == ["Cancel", "Refresh"]
