"""What is counted as it changes is what counting anew would find."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bot.config import Limits
from bot.core.slots import Slot, Slots, Stage

CHANGES = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([*Stage, "aside", "back", "leave"])), max_size=40)


@given(
    asked=st.lists(st.tuples(st.integers(1, 2), st.sampled_from([None, 7, 8])), min_size=6, max_size=6),
    changes=CHANGES,
)
def test_slots_are_counted_as_they_are(asked: list[tuple[int, int | None]], changes: list[tuple[int, object]]) -> None:
    limits = Limits(member_running=2, member_queued=0, server_running=3, server_queued=1)
    slots = Slots(5)
    here = [Slot(member, guild, limits) for member, guild in asked]
    for slot in here:
        slots.enter(slot)
    everybody = tuple(here)
    for number, change in changes:
        slot = everybody[number]
        match change:
            case Stage():
                slots.move(slot, change)  # which may come after its task has ended
            case "aside" | "back" if slot in here:
                slots.put_aside(slot, change == "aside")
            case "leave" if slot in here:
                slots.leave(slot)
                here.remove(slot)
    assert len(slots) == len(here)
    assert set(slots.held) == {slot for slot in here if slot.stage is Stage.WAITING}
    for slot in (*everybody, Slot(3, 7, limits)):
        others = [other for other in here if other is not slot]
        running = [other for other in here if other.stage in (Stage.STARTING, Stage.RUNNING)]
        mine = sum(other.member == slot.member for other in running)
        ours = sum(other.guild == slot.guild is not None for other in running)
        assert slots.running_of(slot.member) == mine
        assert slots.may_run(slot) == (mine < 2 and ours < 3)
        if sum(other.member == slot.member for other in others) >= 2:
            whose: str | None = "member"
        elif sum(other.guild == slot.guild is not None and not other.aside for other in others) >= 4:
            whose = "server"
        else:
            whose = "bot" if sum(not other.aside for other in others) >= 5 else None
        assert asyncio.run(whose_limit(slots, slot)) == whose


async def whose_limit(slots: Slots, slot: Slot) -> str | None:
    full = slots.full(slot)
    return full.whose if full else None
