"""Forms: what a button or a menu asks for in writing."""

from typing import Any, Final

import discord
from discord import ui

from bot.core.errors import Refusal
from bot.core.explain import explain
from bot.core.text import one_line
from bot.texts import Texts

OPEN_SECONDS: Final = 60 * 60.0  # how long a form may be filled in
NUMBER_CHARACTERS: Final = 12
MOST_CHARACTERS: Final = 4000  # of a prompt or question: a slash option holds 6000, but a field of a form no more


class Form(ui.Modal):
    """A form that reports what goes wrong with it; discord.py would only log it."""

    def __init__(self, title: str) -> None:
        super().__init__(title=title, timeout=OPEN_SECONDS)

    def ask(
        self,
        label: str,
        value: str = "",
        *,
        most: int = NUMBER_CHARACTERS,
        long: bool = False,
        required: bool | None = None,
        hint: str | None = None,
    ) -> ui.TextInput[Any]:
        """Add a field, filled in with `value`; a `long` one must be filled in unless not `required`."""
        style = discord.TextStyle.paragraph if long else discord.TextStyle.short
        must = long if required is None else required
        field: ui.TextInput[Any] = ui.TextInput(
            style=style, default=value[:most] or None, max_length=most, required=must
        )
        self.add_item(ui.Label(text=label, description=hint, component=field))
        return field

    async def on_error(  # type: ignore[override]  # a modal's has no item
        self, interaction: discord.Interaction[Any], error: Exception, /
    ) -> None:
        """Report an error."""
        await explain(interaction, error)


def number(texts: Texts, what: str, written: str, low: float, high: float) -> float:
    """Read a number that a member wrote; whole ones where the bounds are. Raises Refusal."""
    kind = int if isinstance(low, int) else float
    try:
        value = kind(written.strip().replace(",", "."))
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise Refusal(
            texts.not_a_number.format(what=what, written=one_line(written), low=f"{low:.0f}", high=f"{high:.0f}")
        )
    return value
