"""Buttons that were sent long ago: what stands in people's channels goes on working.

The names below were written down from messages of earlier versions. They are never changed; new ones may be added.
"""

from typing import Any

import discord
import simcord
from discord import ui
from hypothesis import example, given
from hypothesis import strategies as st

from bot.texts import ENGLISH
from bot.ui.buttons import Choice, Control, JobButton
from model.requests import Drawing, Failed, Pictures
from tests.bot.conftest import World
from tests.bot.samples import png
from tests.bot.scripted import answer, pictures
from tests.bot.seen import buttons, text, told_privately
from tests.fuzz import made_up

JOB = "0a1b2c3d4e5f"
CLASSES = (JobButton, Control, Choice)

# custom_id, and what whoever presses it sees: a sentence, the title of a form, or that so many jobs were begun.
# They are pressed in this order: what forgets everything stands last.
OLD: list[tuple[str, str | int]] = [
    ("cancel:{drawing}", ENGLISH.already_over),
    ("show:{drawing}", ENGLISH.already_over),
    ("try_again:{drawing}", ENGLISH.already_over),
    ("try_again:{failed}", 1),
    ("delete:{other}", ENGLISH.not_yours),
    ("ask_more:{question}", ENGLISH.ask_more),
    ("again:{drawing}", 1),
    ("edit:{drawing}", ENGLISH.edit_title),
    ("info:{drawing}", "guidance 5"),
    ("choose:{drawing}:1", ENGLISH.picture_not_here),  # this message does not show it
    ("vary_little:{drawing}:0", 1),
    ("vary:{drawing}:1", 1),
    ("vary_much:{drawing}:0", 1),
    ("remix:{drawing}:0", ENGLISH.remix_title),
    ("enlarge:{drawing}:0", ENGLISH.picture_not_here),
    ("keep:{drawing}:0", ENGLISH.picture_not_here),
    ("send_me:{drawing}:0", ENGLISH.picture_not_here),
    ("describe:{drawing}:0", ENGLISH.picture_not_here),
    ("ask_this:{drawing}:0", ENGLISH.picture_not_here),
    ("withdraw:{drawing}", ENGLISH.queue_empty),
    ("report:{drawing}", ENGLISH.not_my_picture),
    ("refresh", ENGLISH.queue_empty),
    ("history:0", ENGLISH.history_title),
    ("history:99", ENGLISH.history_none_older),
    ("settings:change:drawings", ENGLISH.set_drawings),
    ("settings:change:words", ENGLISH.set_words),
    ("settings:careful:on", f"{ENGLISH.set_careful}: {ENGLISH.set_on}"),
    ("settings:spoilers:on", f"{ENGLISH.set_spoilers}: {ENGLISH.set_on}"),
    ("settings:age_restricted:off", f"{ENGLISH.set_adults}: {ENGLISH.set_off}"),
    ("settings:pause:on", ENGLISH.only_the_owner),
    ("settings:page:work", ENGLISH.set_drawings),
    ("settings:page:people", ENGLISH.set_roles_draw),
    ("settings:page:places", ENGLISH.set_channels),
    ("settings:channels_denied:off", ENGLISH.set_channels),
    ("defaults:change", ENGLISH.set_drawings),
    ("defaults:avoid", ENGLISH.edit_avoid),
    ("defaults:careful:on", f"{ENGLISH.set_careful}: {ENGLISH.set_on}"),
    ("defaults:spoiler:off", f"{ENGLISH.set_spoilers}: {ENGLISH.set_off}"),
    ("defaults:private:on", f"{ENGLISH.defaults_private}: {ENGLISH.set_on}"),
    ("forget:ask", ENGLISH.forget_sure),
    ("forget:no", ENGLISH.privacy_title),
    ("remove:{channel}:{message}", ENGLISH.removed),
    ("block:{member}", ENGLISH.block_done),
    ("draw_example:circle", 1),
    ("ask_example:count", ENGLISH.ask_form),
    ("reopen:{message}", ENGLISH.forgotten),
    ("something_newer:{drawing}", ENGLISH.forgotten),
    ("something_newer:1:2", ENGLISH.forgotten),
    ("forget:yes", ENGLISH.forgotten_all),
]

SELECTS = [
    "settings:reports",
    "settings:blocked",
    "settings:pick:kept",
    "settings:pick:hidden",
    "settings:pick:channels",
    "settings:pick:role_hourly",
    *(f"settings:pick:roles:{use}" for use in ("draw", "ask", "costly", "moderate")),
]

REFUSALS = {
    ENGLISH.already_over,
    ENGLISH.forgotten,
    ENGLISH.not_my_picture,
    ENGLISH.not_yours,
    ENGLISH.only_the_owner,
    ENGLISH.picture_not_here,
}


async def finished_job(
    world: World, who: simcord.MemberActor, command: str, *, fails: bool = False, **options: Any
) -> str:
    await who.slash(world.channel, command, **options)
    job = world.executor.jobs[-1]
    if fails:
        job.tell(Failed("", "memory"))
    elif isinstance(job.request, Drawing):
        made = pictures(job.request)
        job.tell(Pictures(made.pictures, ((1, 2, 3, 4),) * len(made.pictures), made.seeds, made.seconds))
    else:
        job.tell(answer("A cat."))
    await world.env.settle()
    return job.id


async def press(
    world: World, who: simcord.MemberActor, custom_id: str, where: simcord.ChannelHandle | None = None
) -> simcord.InteractionResult:
    """Press a button of an old message, of which the bot knows the custom_id alone."""
    place = where or world.channel
    channel = world.bot.get_channel(place.id)
    assert isinstance(channel, discord.TextChannel)
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay("An old message"))
    view.add_item(ui.ActionRow(ui.Button(label="Old", custom_id=custom_id)))
    message = await channel.send(view=view)
    view.stop()
    (handle,) = [one for one in place.history() if one.id == message.id]
    return await who.click(handle, custom_id=custom_id)


def seen(result: simcord.InteractionResult) -> str:
    """All that a press shows."""
    title = result.modal["title"] if result.modal else ""
    messages = [message for message in (result.response, *result.followups) if message]
    return "\n".join([title, *map(text, messages), *(label for message in messages for label in buttons(message))])


async def test_every_button_of_an_old_message_goes_on_working(world: World) -> None:
    guild = world.alice.guild
    rights = guild.create_role("all", permissions=discord.Permissions(manage_messages=True, manage_guild=True))
    manager = guild.add_member(world.env.create_user("manager"), roles=[rights])
    named = {
        "drawing": await finished_job(world, manager, "imagine", prompt="a red circle", count=2),
        "question": await finished_job(world, manager, "ask", image=("cat.png", png()), question="What is this?"),
        "failed": await finished_job(world, manager, "imagine", prompt="a red circle", fails=True),
        "other": await finished_job(world, world.alice, "imagine", prompt="a blue square", count=1),
        "channel": world.channel.id,
        "message": 1,
        "member": world.bob.id,
    }
    for custom_id, comes in OLD:
        before = len(world.executor.jobs)
        presser = world.bob if custom_id.startswith("delete") else manager
        result = await press(world, presser, custom_id.format(**named))
        begun = world.executor.jobs[before:]
        assert len(begun) == (comes if isinstance(comes, int) else 0), custom_id
        if isinstance(comes, str):
            assert comes in (told_privately(result) if comes in REFUSALS else seen(result)), custom_id
        for job in begun:
            job.cancel()  # one member's jobs take turns
        await world.env.settle()


def test_every_name_is_made_again_by_one_class_alone() -> None:
    """discord.py calls every class that a custom_id fits: two would both answer."""
    filled = {
        "drawing": JOB,
        "failed": JOB,
        "question": JOB,
        "other": JOB,
        "channel": 10**17,
        "message": 10**18,
        "member": 10**18,
    }
    ids = [custom_id.format(**filled) for custom_id, _ in OLD]
    for custom_id in (*ids, *SELECTS):
        fitting = [one for one in CLASSES if one.__discord_ui_compiled_template__.fullmatch(custom_id)]
        assert len(fitting) == 1, custom_id


@given(st.from_regex(r"[a-z_]{1,12}(:[a-z0-9]{0,13}){0,3}", fullmatch=True) | st.text(max_size=40))
@example(f"again:{JOB}")
@example(f"settings:reports:{JOB}")
@made_up
def test_no_made_up_name_belongs_to_two_classes(custom_id: str) -> None:
    fitting = [one for one in CLASSES if one.__discord_ui_compiled_template__.fullmatch(custom_id)]
    assert len(fitting) <= 1


async def test_every_action_was_written_down(world: World) -> None:
    assert set(world.bot.actions) <= {custom_id.partition(":")[0] for custom_id, _ in OLD}


def test_a_job_s_button_has_the_label_of_its_action() -> None:
    for action in ("cancel", "show", "again", "vary_little"):
        assert JobButton(action, JOB, texts=ENGLISH).item.label == getattr(ENGLISH, action)
    assert JobButton("choose", JOB, 4, texts=ENGLISH).item.label == "5"
    assert JobButton("choose", JOB, 4, texts=ENGLISH).custom_id == f"choose:{JOB}:4"
