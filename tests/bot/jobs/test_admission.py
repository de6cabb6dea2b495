"""Who may ask for what: how much a member and a server may have open, running and in an hour; and refused words."""

import re
from datetime import timedelta

import pytest
from simcord import ResponseMessage

from model.requests import Cancelled, Drawing, Failed, Progress, Queued, Started
from tests.bot.conftest import World, restart
from tests.bot.samples import png
from tests.bot.scripted import pictures
from tests.bot.seen import shown, text, told_privately


async def draw(world: World, *, who: str = "alice", prompt: str = "a red circle") -> ResponseMessage:
    return shown(await getattr(world, who).slash(world.channel, "imagine", prompt=prompt, count=1))


def prompts(world: World) -> list[str]:
    """What the model was given, in order."""
    return [job.request.prompt for job in world.executor.jobs if isinstance(job.request, Drawing)]


async def refused(world: World, *, who: str = "alice") -> str:
    """What a member is told whose request is refused; it must be private and cost nothing."""
    before = len(world.executor.jobs)
    told = told_privately(await getattr(world, who).slash(world.channel, "imagine", prompt="a red circle", count=1))
    assert len(world.executor.jobs) == before
    return told


def limit(world: World, **limits: int) -> None:
    changed = world.bot.settings.limits.model_copy(update=limits)
    world.bot.settings = world.bot.settings.model_copy(update={"limits": changed})


def finish(world: World, number: int) -> None:
    job = world.executor.jobs[number]
    assert isinstance(job.request, Drawing)
    job.tell(pictures(job.request))


async def test_of_one_member_only_so_many_run_and_the_next_one_starts_by_itself(world: World) -> None:
    limit(world, member_running=1)
    await draw(world, prompt="a first circle")
    second = await draw(world, prompt="a second circle")
    await draw(world, who="bob", prompt="a square")
    assert prompts(world) == ["a first circle", "a square"]
    await world.env.advance_time(2)
    assert "number 1 in the queue" in text(second)
    finish(world, 0)
    await world.env.settle()
    assert prompts(world)[2] == "a second circle"
    finish(world, 2)
    await world.env.settle()
    assert "a second circle" in text(second)
    assert "seed" in text(second)


async def test_of_one_server_only_so_many_run_and_members_take_turns(world: World) -> None:
    limit(world, server_running=2, member_running=2)
    for prompt in ("one", "two", "three"):
        await draw(world, prompt=prompt)
    await draw(world, who="bob", prompt="four")
    finish(world, 0)
    await world.env.settle()
    assert prompts(world)[2] == "four"
    finish(world, 1)
    await world.env.settle()
    assert prompts(world)[3] == "three"


async def test_who_waits_for_their_turn_can_cancel(world: World) -> None:
    limit(world, member_running=1)
    await draw(world)
    second = await draw(world, prompt="a second circle")
    await world.alice.click(second, label="Cancel")
    assert "Cancelled." in text(second)
    finish(world, 0)
    await world.env.settle()
    assert len(world.executor.jobs) == 1


async def test_what_the_model_refuses_late_is_told_privately(world: World) -> None:
    limit(world, member_running=1)
    await draw(world)
    second = await world.alice.slash(world.channel, "imagine", prompt="long " * 300)
    world.executor.refusal = "At most 90 words, please."
    finish(world, 0)
    await world.env.settle()
    assert told_privately(second) == "At most 90 words, please."


@pytest.mark.parametrize("command", ["imagine", "ask"])
async def test_what_the_model_refuses_at_once_is_told_privately_and_leaves_nothing(world: World, command: str) -> None:
    world.executor.refusal = "At most 90 words, please."
    options = {"prompt": "long"} if command == "imagine" else {"image": ("cat.png", png()), "question": "long"}
    assert told_privately(await world.alice.slash(world.channel, command, **options)) == "At most 90 words, please."
    for table in ("jobs", "pictures"):
        assert await world.bot.store.database.rows(f"SELECT * FROM {table}") == []


async def test_a_member_with_too_much_open_is_told_when_to_return(world: World) -> None:
    limit(world, member_running=1, member_queued=1)
    await draw(world)
    await draw(world)
    world.executor.jobs[0].tell(Started(), Progress(1, 100, 90.0))
    await world.env.settle()
    told = await refused(world)
    assert "You already have as many open requests" in told
    when = re.search(r"<t:(\d+):R>", told)
    assert when
    assert 60 <= int(when[1]) - world.env.now().timestamp() <= 90
    await draw(world, who="bob")  # others are not concerned
    assert len(world.executor.jobs) == 2


async def test_a_server_with_too_much_open_is_told_when_to_return(world: World) -> None:
    limit(world, server_running=1, server_queued=0)
    await draw(world)
    world.executor.jobs[0].tell(Queued(1, 30.0))
    await world.env.settle()
    assert re.search(
        r"as many open requests as allowed \(1\). Please try again <t:\d+:R>", await refused(world, who="bob")
    )
    other = world.env.create_guild("Another server")
    stranger = other.add_member(world.env.create_user("carol"))
    await stranger.slash(other.create_text_channel("pictures"), "imagine", prompt="a square")
    assert len(world.executor.jobs) == 2


@pytest.mark.parametrize(
    ("whose", "says"), [("member", "your hourly limit (2)"), ("server", "This server has reached its hourly limit")]
)
async def test_an_hour_that_is_used_up_says_when_to_come_back(world: World, whose: str, says: str) -> None:
    limit(world, **{f"{whose}_hourly": 2})
    started = world.env.now()
    for number in range(2):
        await draw(world)
        finish(world, number)
        await world.env.advance_time(600)
    told = await refused(world)
    assert says in told
    when = re.search(r"Please try again <t:(\d+):R>", told)
    assert when
    assert abs(int(when[1]) - (started + timedelta(hours=1)).timestamp()) < 5
    await restart(world)
    limit(world, **{f"{whose}_hourly": 2})
    assert says in await refused(world)  # a restart does not make it forgotten
    await world.env.advance_time(40 * 60 + 5)
    await draw(world)
    assert len(world.executor.jobs) == 3


async def test_what_came_to_nothing_does_not_count(world: World) -> None:
    limit(world, member_hourly=1)
    await draw(world)
    world.executor.job.tell(Failed("", "memory"))
    await world.env.settle()
    await draw(world)
    assert len(world.executor.jobs) == 2
    assert "your hourly limit (1)" in await refused(world)


@pytest.mark.parametrize("events", [(Cancelled(),), (Started(), Cancelled())], ids=["while it waited", "while it ran"])
async def test_what_was_cancelled_counts(world: World, events: tuple[Started | Cancelled, ...]) -> None:
    limit(world, member_hourly=1)
    await draw(world)
    world.executor.job.tell(*events)
    await world.env.settle()
    assert "your hourly limit (1)" in await refused(world)


async def test_what_was_refused_when_it_had_been_read_counts(world: World) -> None:
    limit(world, member_hourly=1)
    broken = ("cat.png", png((200, 200))[:-60])
    told = told_privately(await world.alice.slash(world.channel, "ask", image=broken, question="What is this?"))
    assert "is damaged" in told
    assert "your hourly limit (1)" in await refused(world)
