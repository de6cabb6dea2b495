"""/queue: one's own requests, where they stand, and the buttons under them."""

from model.requests import Progress, Queued, Started
from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.scripted import pictures
from tests.bot.seen import buttons, text


async def test_one_sees_one_s_own_drawings_and_questions_and_where_they_stand(world: World) -> None:
    await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What is it?", private=True)
    await world.bob.slash(world.channel, "imagine", prompt="a secret of bob's")
    world.executor.jobs[0].tell(Started(), Progress(50, 100, 5.0))
    world.executor.jobs[1].tell(Queued(3, 20.0))
    await world.env.settle()
    shown = (await world.alice.slash(world.channel, "queue")).response
    assert shown
    assert shown.ephemeral
    assert "a red circle" in text(shown)
    assert "50 %, about 5 s left" in text(shown)
    assert f"https://discord.com/channels/{world.alice.guild.id}/{world.channel.id}/" in text(shown)
    assert "What is it?" in text(shown)
    assert "number 3 in the queue, about 20 s" in text(shown)
    assert "bob" not in text(shown)
    assert buttons(shown) == ["Cancel", "Cancel", "Refresh"]


async def test_one_cancels_from_the_list(world: World) -> None:
    drawing = await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    await world.alice.slash(world.channel, "imagine", prompt="a square")
    shown = (await world.alice.slash(world.channel, "queue")).response
    assert shown
    await world.alice.click(shown, custom_id=f"withdraw:{world.executor.jobs[0].id}")
    assert world.executor.jobs[0].cancelled
    assert not world.executor.jobs[1].cancelled
    assert "Cancelled." in text(shown)
    assert drawing.response
    assert "Cancelled." in text(drawing.response)
    await world.alice.click(shown, label="Refresh")
    assert "a red circle" not in text(shown)
    assert "a square" in text(shown)


async def test_what_ended_meanwhile_says_so(world: World) -> None:
    await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    shown = (await world.alice.slash(world.channel, "queue")).response
    assert shown
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    pressed = await world.alice.click(shown, label="Cancel")
    assert pressed.response
    assert pressed.response.ephemeral
    assert "over already" in pressed.response.content
    await world.alice.click(shown, label="Refresh")
    assert "Nothing of yours is waiting or running." in text(shown)


async def test_a_long_list_stays_inside_discord_s_limits(world: World) -> None:
    limits = world.bot.settings.limits.model_copy(update={"member_queued": 50})
    world.bot.settings = world.bot.settings.model_copy(update={"limits": limits})
    for number in range(13):
        await world.alice.slash(world.channel, "imagine", prompt=f"{number} " + "*" * 1900)
    shown = (await world.alice.slash(world.channel, "queue")).response
    assert shown
    assert buttons(shown) == ["Cancel"] * 10 + ["Refresh"]
    assert "And 3 more." in text(shown)
