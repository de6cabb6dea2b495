"""Everything about a drawing: what it takes to draw it, or one of its pictures, again."""

from collections.abc import Sequence
from typing import Any, Final

from discord import ui

from bot.media.provenance import Provenance
from bot.store.jobs import JobRecord
from bot.texts import Texts
from bot.ui.layout import DONE, layout
from bot.ui.text import model_name, one_line
from model.requests import Drawing, Pictures

TOLD_PROMPTS: Final = 2000  # and of all prompts that ten files tell
INFO_PROMPT: Final = 3000  # characters of the prompt: the numbers below need a few hundred


def info(texts: Texts, record: JobRecord) -> ui.LayoutView:
    """Show the whole prompt, the settings, and the seed that draws each picture alone."""
    assert isinstance(record.result, Pictures)
    lines = [f"**{one_line(record.words, INFO_PROMPT)}**"]
    if isinstance(record.request, Drawing):
        drawing = record.request
        lines.append(
            texts.info_settings.format(
                guidance=f"{drawing.guidance:g}", temperature=f"{drawing.temperature:g}", model=model_name(record.model)
            )
        )
        seeds = enumerate(record.result.seeds, 1)
        lines.append("\n".join(texts.info_seed.format(number=number, seed=seed) for number, seed in seeds))
        if drawing.kept and record.result.tokens:
            lines.append(texts.info_kept.format(percent=round(100 * len(drawing.kept) / len(record.result.tokens[0]))))
        else:
            lines.append(texts.info_alone)
    else:
        lines.append(texts.info_enlarged.format(number=record.request.picture + 1))  # type: ignore[union-attr]
    stages = " · ".join(f"{stage} {seconds:.1f} s" for stage, seconds in record.result.seconds.items())
    return layout(*(ui.TextDisplay(line) for line in lines), ui.TextDisplay(f"-# {stages}"), colour=DONE)


def told_by(texts: Texts, found: Sequence[tuple[int, Provenance]]) -> ui.LayoutView:
    """Show what the files of a message tell about their pictures, by number; a prompt they share is shown once."""
    children: list[ui.Item[Any]] = []
    last = ""
    room = TOLD_PROMPTS // len({told.prompt for _, told in found})
    for number, told in found:
        if told.prompt != last:
            children.append(ui.TextDisplay(f"**{one_line(told.prompt, room) or texts.no_words}**"))
            last = told.prompt
        line = texts.made_by.format(
            number=number,
            seed=told.seed,
            guidance=f"{told.guidance:g}",
            temperature=f"{told.temperature:g}",
            model=model_name(told.model),
            version=one_line(told.version, 12),
        )
        children.append(ui.TextDisplay(line))
    return layout(*children, colour=DONE)
