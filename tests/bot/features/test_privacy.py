"""/privacy: it says what is kept, and forgets on request, after asking."""

from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import buttons, shown, text, told_privately


async def test_it_says_what_is_kept_and_for_how_long(world: World) -> None:
    seen = shown(await world.alice.slash(world.channel, "privacy"))
    assert seen.ephemeral
    assert f"{world.bot.settings.store.keep_days} days" in text(seen)


async def test_a_member_is_forgotten_and_the_others_are_not(world: World) -> None:
    for who in (world.alice, world.bob):
        await who.slash(world.channel, "imagine", prompt="a red circle", count=1)
        job = world.executor.jobs[-1]
        job.tell(pictures(job.request))  # type: ignore[arg-type]
        await who.slash(world.channel, "ask", image=("cat.png", png()), question="What?")
        world.executor.jobs[-1].tell(answer("A cat."))
        await world.env.settle()
    waiting = shown(await world.alice.slash(world.channel, "imagine", prompt="a square"))
    await world.bot.store.reports.add(1, world.alice.id, world.env.now())
    seen = shown(await world.alice.slash(world.channel, "privacy"))
    await world.alice.click(seen, label="Forget me")
    assert buttons(seen) == ["Yes, forget me", "No"]
    assert len(await world.bot.store.database.rows("SELECT * FROM jobs")) == 5
    await world.alice.click(seen, label="Yes, forget me")
    assert text(seen) == "Done: I've forgotten it all."
    rows = await world.bot.store.database.rows("SELECT owner FROM jobs")
    assert [row["owner"] for row in rows] == [world.bob.id] * 2
    assert await world.bot.store.database.rows("SELECT * FROM reports") == []
    assert world.executor.jobs[-1].cancelled
    assert "Cancelled." in text(waiting)


async def test_who_thinks_better_of_it_keeps_everything(world: World) -> None:
    await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    seen = shown(await world.alice.slash(world.channel, "privacy"))
    await world.alice.click(seen, label="Forget me")
    await world.alice.click(seen, label="No")
    assert buttons(seen) == ["Forget me"]
    assert len(await world.bot.store.database.rows("SELECT * FROM jobs")) == 1


async def test_forgetting_does_not_give_a_new_hour(world: World) -> None:
    limits = world.bot.settings.limits.model_copy(update={"member_hourly": 1})
    world.bot.settings = world.bot.settings.model_copy(update={"limits": limits})
    await world.alice.slash(world.channel, "imagine", prompt="a red circle", count=1)
    world.executor.job.tell(pictures(world.executor.drawing))
    await world.env.settle()
    seen = shown(await world.alice.user.slash("privacy"))
    await world.alice.user.click(seen, label="Forget me")
    await world.alice.user.click(seen, label="Yes, forget me")
    assert "your hourly limit (1)" in told_privately(
        await world.alice.slash(world.channel, "imagine", prompt="a red circle")
    )
