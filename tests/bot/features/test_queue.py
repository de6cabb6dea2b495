"""/queue: one's own requests, where they stand, and the buttons under them."""

from model.requests import Progress, Queued, Started
from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.seen import buttons, shown, text


async def test_one_sees_one_s_own_drawings_and_questions_and_where_they_stand(world: World) -> None:
    await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    await world.alice.slash(world.channel, "ask", image=("cat.png", png()), question="What is it?", private=True)
    await world.bob.slash(world.channel, "imagine", prompt="a secret of bob's")
    world.executor.jobs[0].tell(Started(), Progress(50, 100, 5.0))
    world.executor.jobs[1].tell(Queued(3, 20.0))
    await world.env.settle()
    seen = shown(await world.alice.slash(world.channel, "queue"))
    assert seen.ephemeral
    assert "a red circle" in text(seen)
    assert "50 %, about 5 s left" in text(seen)
    assert f"https://discord.com/channels/{world.alice.guild.id}/{world.channel.id}/" in text(seen)
    assert "What is it?" in text(seen)
    assert "number 3 in the queue, about 20 s" in text(seen)
    assert "bob" not in text(seen)
    assert buttons(seen) == ["Cancel", "Cancel", "Refresh"]


async def test_one_cancels_from_the_list(world: World) -> None:
    drawing = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    await world.alice.slash(world.channel, "imagine", prompt="a square")
    seen = shown(await world.alice.slash(world.channel, "queue"))
    await world.alice.click(seen, custom_id=f"withdraw:{world.executor.jobs[0].id}")
    assert world.executor.jobs[0].cancelled
    assert not world.executor.jobs[1].cancelled
    assert "Cancelled." in text(seen)
    assert "Cancelled." in text(drawing)
    await world.alice.click(seen, label="Refresh")
    assert "a red circle" not in text(seen)
    assert "a square" in text(seen)


async def test_a_long_list_stays_inside_discord_s_limits(world: World) -> None:
    limits = world.bot.settings.limits.model_copy(update={"member_queued": 50})
    world.bot.settings = world.bot.settings.model_copy(update={"limits": limits})
    for number in range(13):
        await world.alice.slash(world.channel, "imagine", prompt=f"{number} " + "*" * 1900)
    seen = shown(await world.alice.slash(world.channel, "queue"))
    assert buttons(seen) == ["Cancel"] * 10 + ["Refresh"]
    assert "And 3 more." in text(seen)


async def test_whatever_is_listed_links_its_message(world: World) -> None:
    message = shown(await world.alice.slash(world.channel, "imagine", prompt="a red circle"))
    secret = shown(await world.alice.slash(world.channel, "imagine", prompt="a square", private=True))
    for state in ("undelivered", "failed"):
        await world.bot.store.database.write("UPDATE jobs SET state = ?", (state,))
        seen = shown(await world.alice.slash(world.channel, "queue"))
        assert f"/{world.channel.id}/{message.id})" in text(seen), state
        assert f"/{secret.id})" not in text(seen)  # which nobody could open
