"""Forms: what a button or a menu asks for in writing. A form that is refused can be opened again, filled in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui

from bot.core.client import Draft, JanusBot
from bot.core.errors import Refusal
from bot.core.explain import explain, explained
from bot.core.permissions import check_welcome
from bot.core.text import decimal, one_line
from bot.texts import Texts, texts_for
from bot.ui.buttons import Control
from model.requests import Refused

OPEN_SECONDS: Final = 60 * 60.0  # how long a form may be filled in
NUMBER_CHARACTERS: Final = 12
MOST_CHARACTERS: Final = 4000  # of a prompt or question: a slash option holds 6000, but a field of a form no more
DRAFTS: Final = 500  # refused forms that are kept to be opened again, one a member


class Form(ui.Modal):
    """A form. A subclass says what `submit` does with it, which may raise Refusal.

    Discord lets no form answer a form, so a refusal comes with a button that opens this one again, as it was filled in.
    """

    def __init__(self, title: str) -> None:
        super().__init__(title=title, timeout=OPEN_SECONDS)
        self.anew: Callable[[], Form] | None = None  # makes the same form as it was when it was opened

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

    async def submit(self, interaction: discord.Interaction[JanusBot]) -> None:
        """Do what it is for. May raise Refusal or Refused."""
        raise NotImplementedError

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        try:
            await self.submit(interaction)
        except (Refusal, Refused) as refusal:
            await explain(interaction, refusal, *self._way_back(interaction))

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        interaction.client.unanswered.serve(interaction)
        return await explained(interaction, check_welcome(interaction))

    async def on_error(  # type: ignore[override]  # a modal's has no item
        self, interaction: discord.Interaction[Any], error: Exception, /
    ) -> None:
        """Report an error."""
        await explain(interaction, error)

    def _way_back(self, interaction: discord.Interaction[JanusBot]) -> list[Control]:
        """Keep what was written, and return the button that opens the form with it."""
        if self.anew is None:
            return []
        drafts, draft = interaction.client.drafts, Draft(str(interaction.id), self._refilled)
        drafts.pop(interaction.user.id, None)
        drafts[interaction.user.id] = draft
        while len(drafts) > DRAFTS:
            drafts.pop(next(iter(drafts)))
        return [Control("reopen", draft.id, label=texts_for(interaction).edit, style=discord.ButtonStyle.primary)]

    def _refilled(self) -> "Form":
        assert self.anew
        form = self.anew()
        form.anew = self.anew
        for old, new in zip(_fields(self), _fields(form), strict=True):
            if isinstance(old, ui.TextInput) and isinstance(new, ui.TextInput):
                new.default = old.value or None
            elif isinstance(old, ui.Checkbox) and isinstance(new, ui.Checkbox):
                new.default = old.value
            elif isinstance(old, ui.RadioGroup) and isinstance(new, ui.RadioGroup):
                for option in new.options:
                    option.default = option.value == old.value
        return form


async def open_form(interaction: discord.Interaction[JanusBot], make: Callable[[], Form]) -> None:
    """Open a form. `make` is called again where it is refused."""
    form = make()
    form.anew = make
    await interaction.response.send_modal(form)


async def reopen(interaction: discord.Interaction[JanusBot], button: Control) -> None:
    """Open a refused form once more, filled in. Raises Refusal if it is no longer there."""
    draft = interaction.client.drafts.get(interaction.user.id)
    if draft is None or button.arguments != (draft.id,):
        raise Refusal(texts_for(interaction).forgotten)
    await interaction.response.send_modal(draft.form())


async def setup(bot: JanusBot) -> None:
    """Say what the button below a refused form does."""
    bot.actions["reopen"] = reopen


@dataclass(frozen=True, slots=True)
class Entry:
    """A number that a member wrote into the field called `label`, and its bounds. Where they are whole, so is it."""

    label: str
    written: str
    low: float
    high: float

    def read(self) -> float | None:
        """Return the number, or None where it is none or beyond the bounds."""
        try:
            value = (int if self.whole else float)(self.written.strip().replace(",", "."))
        except ValueError:
            return None
        return value if self.low <= value <= self.high else None

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int)

    def refusal(self, texts: Texts) -> str:
        """Say what may stand there."""
        sentence = texts.not_a_whole_number if self.whole else texts.not_a_number
        low, high = decimal(self.low, texts), decimal(self.high, texts)
        return sentence.format(what=self.label, written=one_line(self.written), low=low, high=high)


def numbers(texts: Texts, entries: Mapping[str, Entry]) -> dict[str, float]:
    """Read what a form's numbers are. Raises one Refusal that names every entry that can't be."""
    values = {key: entry.read() for key, entry in entries.items()}
    if wrong := [entries[key].refusal(texts) for key, value in values.items() if value is None]:
        raise Refusal("\n".join(wrong))
    return {key: value for key, value in values.items() if value is not None}


def _fields(form: Form) -> list[ui.Item[Any]]:
    return [label.component for label in form.children if isinstance(label, ui.Label)]
