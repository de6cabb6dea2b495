"""/history: one's own drawings alone, with what is left of them on Discord."""

from typing import Any

import discord
import simcord

from bot.texts import ENGLISH
from model.requests import Drawing
from tests.bot.conftest import World
from tests.bot.scripted import pictures
from tests.bot.seen import buttons, parts, shown, text, told_privately


async def drawn(world: World, who: simcord.MemberActor, prompt: str, **options: Any) -> simcord.ResponseMessage:
    message = shown(await who.slash(world.channel, "imagine", prompt=prompt, count=1, **options))
    job = world.executor.jobs[-1]
    assert isinstance(job.request, Drawing)
    job.tell(pictures(job.request))
    await world.env.settle()
    return message


def thumbnails(message: simcord.ResponseMessage) -> list[dict[str, Any]]:
    return parts(message, 11)


async def test_one_sees_one_s_own_drawings_the_newest_first(world: World) -> None:
    first = await drawn(world, world.alice, "a red circle")
    await drawn(world, world.bob, "a black square")
    await drawn(world, world.alice, "a *blue* star", spoiler=True)
    await world.alice.slash(world.channel, "imagine", prompt="on its way")
    page = shown(await world.alice.slash(world.channel, "history"))
    assert page.ephemeral
    said = text(page)
    assert said.index("1. a *blue* star") < said.index("2. a red circle")
    assert f"/{world.channel.id}/{first.id})" in said
    assert "square" not in said
    assert "on its way" not in said
    assert [one["spoiler"] for one in thumbnails(page)] == [True, False]
    assert all(one["media"]["url"].startswith("https://cdn.") for one in thumbnails(page))
    assert buttons(page) == ["Again 1", "Again 2"]


async def test_again_draws_where_it_is_pressed(world: World) -> None:
    await drawn(world, world.alice, "a red circle")
    other = world.alice.guild.create_text_channel("elsewhere")
    page = shown(await world.alice.slash(other, "history"))
    again = shown(await world.alice.click(page, label="Again 1"))
    assert not again.ephemeral
    assert again.message.channel.id == other.id
    assert "drawn again" in text(again)
    assert f"/{world.channel.id}/" in text(again)  # what it goes on from
    assert world.executor.jobs[-1].request.prompt == "a red circle"  # type: ignore[union-attr]


async def test_pages_are_turned(world: World) -> None:
    for number in range(7):
        await drawn(world, world.alice, f"circle {number}")
    page = shown(await world.alice.slash(world.channel, "history"))
    assert len(thumbnails(page)) == 5
    assert buttons(page)[5:] == ["Older"]
    await world.alice.click(page, label="Older")
    assert "6. circle 1" in text(page)
    assert "7. circle 0" in text(page)
    assert buttons(page) == ["Again 6", "Again 7", "Newer"]
    await world.alice.click(page, label="Newer")
    assert "1. circle 6" in text(page)


async def test_what_is_gone_or_was_private_has_words_and_no_picture(world: World) -> None:
    await drawn(world, world.alice, "for my eyes", private=True)
    gone = await drawn(world, world.alice, "soon gone")
    (row,) = await world.bot.store.database.rows("SELECT * FROM jobs WHERE message = ?", (gone.id,))
    await gone.message.delete()
    await world.env.settle()
    page = shown(await world.alice.slash(world.channel, "history"))
    assert "soon gone" not in text(page)  # its message is gone, so it is forgotten
    columns = ", ".join(row.keys())
    marks = ", ".join("?" for _ in row)
    await world.bot.store.database.write(f"INSERT INTO jobs ({columns}) VALUES ({marks})", tuple(row))  # unheard of
    page = shown(await world.alice.slash(world.channel, "history"))
    assert "soon gone" in text(page)
    assert ENGLISH.history_private in text(page)
    assert ENGLISH.queue_look not in text(page)
    assert thumbnails(page) == []


async def test_a_channel_that_is_closed_to_the_bot_leaves_the_link(world: World) -> None:
    await drawn(world, world.alice, "a red circle")
    channel = world.bot.get_channel(world.channel.id)
    assert isinstance(channel, discord.TextChannel)
    me = channel.guild.me
    other = world.alice.guild.create_text_channel("elsewhere")
    await channel.set_permissions(me, view_channel=False, read_message_history=False)
    page = shown(await world.alice.slash(other, "history"))
    assert f"/{world.channel.id}/" in text(page)
    assert thumbnails(page) == []


async def test_who_has_none_is_told_how_to_make_one(world: World) -> None:
    assert "I have no drawings of yours" in told_privately(await world.alice.slash(world.channel, "history"))


async def test_so_many_pages_in_an_hour(world: World) -> None:
    world.bot.presses.most = 1
    await drawn(world, world.alice, "a red circle")
    page = shown(await world.alice.slash(world.channel, "history"))
    assert "1. a red circle" in text(page)
    assert "You've pressed 1 buttons" in told_privately(await world.alice.slash(world.channel, "history"))
