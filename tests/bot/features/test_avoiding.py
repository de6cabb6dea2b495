"""What must not be in a picture: a member's own words, and what a server always avoids."""

import pytest
import simcord

from bot.media import provenance
from model.requests import Drawing
from tests.bot.conftest import World, restart
from tests.bot.features.test_gallery import drawn, finish, newest
from tests.bot.features.test_settings import fill, manager, opened
from tests.bot.scripted import pictures
from tests.bot.seen import fields, files, shown, text, told_privately

__all__ = ["manager"]  # a fixture of the settings' tests

MENU = "What made this picture?"


async def test_what_a_member_avoids_reaches_the_model_and_is_told(world: World) -> None:
    message = await drawn(world, avoid="  a *blue* star ", count=2)
    assert newest(world).avoid == newest(world).avoided == "a *blue* star"
    assert "avoiding: a *blue* star" in text(message)
    assert "avoiding: a *blue* star" in told_privately(await world.bob.click(message, label="Info"))
    made = provenance.read(await files(message)[1].read())
    assert made
    assert (made.avoid, made.more_avoided) == ("a *blue* star", False)
    assert "avoiding: a *blue* star" in told_privately(await world.bob.context_menu(world.channel, MENU, message))


async def test_where_nothing_is_avoided_nothing_is_said(world: World) -> None:
    message = await drawn(world)
    menu = await world.bob.context_menu(world.channel, MENU, message)
    for told in (text(message), told_privately(await world.bob.click(message, label="Info")), told_privately(menu)):
        assert "avoid" not in told


async def test_what_goes_on_from_a_drawing_avoids_the_same_also_after_a_restart(world: World) -> None:
    message = await drawn(world, avoid="a star", count=1)
    await restart(world)
    for label in ("Again", "Vary"):
        await world.bob.click(message, label=label)
        assert newest(world).avoid == "a star"
        await finish(world)
    form = await world.bob.click(message, label="Edit")
    assert fields(form)[1]["value"] == "a star"


@pytest.mark.parametrize(
    ("avoid", "says"),
    [
        ("a BLÖODY hand", "This server doesn't allow “bloody”"),
        ("x" * 2001, "That's 2001 characters. The limit is 2000"),
    ],
)
async def test_the_rules_of_a_prompt_hold_for_what_is_avoided(world: World, avoid: str, says: str) -> None:
    await world.bot.store.servers.change(world.alice.guild.id, {"refused": ["bloody"]})
    refused = await world.alice.slash(world.channel, "imagine", prompt="a red circle", avoid=avoid)
    assert says in told_privately(refused)
    assert world.executor.jobs == []


async def test_at_guidance_1_it_says_that_avoiding_has_no_effect(world: World) -> None:
    assert "At guidance 1 nothing is avoided" in text(await drawn(world, avoid="a star", guidance=1.0))
    assert "nothing is avoided" not in text(await drawn(world, guidance=1.0))
    assert "nothing is avoided" not in text(await drawn(world, avoid="a star", guidance=1.1))


async def test_the_demo_model_s_best_guidance_is_told_with_its_drawings_alone(world: World) -> None:
    assert "a guidance of 2 works best" in text(await drawn(world, avoid="a star"))
    assert "works best" not in text(await drawn(world, avoid="a star", guidance=2.0))
    world.executor.becomes(model="7b")
    assert "works best" not in text(await drawn(world, avoid="a star"))


async def test_a_server_always_avoids_what_its_managers_say_and_shows_it_to_no_member(
    world: World, manager: simcord.MemberActor
) -> None:
    panel = await opened(world, manager)
    await fill(manager, panel, "avoid", " gore,\n  blood ")
    assert "gore, blood" in text(panel)
    message = await drawn(world, avoid="a star", count=1)
    assert newest(world).avoided == "a star, gore, blood"
    assert newest(world).avoid == "a star"
    seen = [text(message), told_privately(await world.bob.click(message, label="Info"))]
    seen.append(told_privately(await world.bob.context_menu(world.channel, MENU, message)))
    assert all("gore" not in told for told in seen)
    assert all("The server has things of its own avoided" in told for told in seen[1:])
    data = await files(message)[0].read()
    assert b"gore" not in data
    assert fields(await world.bob.click(message, label="Edit"))[1]["value"] == "a star"
    await restart(world)
    await drawn(world)
    assert newest(world).avoided == "gore, blood"


async def test_what_is_always_avoided_is_the_server_s_of_now(world: World, manager: simcord.MemberActor) -> None:
    panel = await opened(world, manager)
    await fill(manager, panel, "avoid", "gore")
    message = await drawn(world, count=1)
    await fill(manager, panel, "avoid", "")
    await world.bob.click(message, label="Again")
    assert newest(world).always_avoid == ""
    await fill(manager, panel, "avoid", "blood")
    await world.bob.click(message, label="Vary")
    assert newest(world).always_avoid == "blood"
    await world.bob.user.slash("imagine", prompt="a red circle")
    assert newest(world).always_avoid == ""  # no server is concerned


async def test_a_drawing_of_an_earlier_version_is_gone_on_from(world: World) -> None:
    """It was written down before anybody could avoid anything."""
    message = await drawn(world)
    await world.bot.store.database.write(
        "UPDATE jobs SET request = json_remove(request, '$.avoid', '$.always_avoid', '$.prompts')"
    )
    await world.alice.click(message, label="Again")
    request = world.executor.jobs[-1].request
    assert isinstance(request, Drawing)
    assert (request.prompt, request.prompts, request.avoid) == ("a red circle", (), "")
    world.executor.jobs[-1].tell(pictures(request))
    await world.env.settle()
    assert shown(await world.alice.click(message, label="Info"))
