"""All that there is to tell of a drawing or an enlargement, for who presses *Info*."""

from collections.abc import Iterator, Sequence
from typing import Final

from discord import ui

from bot.core.text import decimal, model_name, one_line
from bot.store.records import JobRecord
from bot.texts import Texts
from bot.ui.layout import DONE, layout, origin_line
from model.requests import Drawing, Pictures

INFO_WORDS: Final = 200  # and of the words of each picture
INFO_PROMPT: Final = 2200  # characters of the prompt: the numbers below need a few hundred
INFO_AVOID: Final = 800  # and of what to avoid


def info(texts: Texts, record: JobRecord) -> ui.LayoutView:
    """Show the whole prompt, the settings, and the seed that draws each picture alone."""
    assert isinstance(record.result, Pictures)
    several = len(record.request.prompts) if isinstance(record.request, Drawing) else 0
    lines = [f"**{one_line(record.words, INFO_PROMPT - several * INFO_WORDS)}**"]
    if isinstance(record.request, Drawing):
        drawing = record.request
        lines.append(
            texts.info_settings.format(
                guidance=decimal(drawing.guidance, texts),
                temperature=decimal(drawing.temperature, texts),
                model=model_name(record.model),
            )
        )
        if drawing.top_k:
            lines[-1] += f" · top-k {drawing.top_k}"
        if drawing.avoid:
            lines.append(texts.avoiding.format(words=one_line(drawing.avoid, INFO_AVOID)))
        lines.append("\n".join(_each(texts, drawing, record.result.seeds)))
        if drawing.always_avoid:
            lines.append(texts.avoiding_more)
        if drawing.kept and record.result.tokens:
            lines.append(texts.info_kept.format(percent=round(100 * len(drawing.kept) / len(record.result.tokens[0]))))
        if len(record.result.seeds) > 1:
            alone = texts.info_alone_words if drawing.prompts else texts.info_alone
            lines.append(alone.format(edit=texts.edit, pictures=texts.set_count))
    else:
        lines.append(texts.info_enlarged.format(number=record.request.picture + 1))  # type: ignore[union-attr]
    small = filter(None, [_took(texts, record.result), origin_line(record.origin, texts)])
    lines.append("\n".join(f"-# {line}" for line in small))
    return layout(*(ui.TextDisplay(line) for line in lines), colour=DONE)


def _each(texts: Texts, drawing: Drawing, seeds: Sequence[int]) -> Iterator[str]:
    """Tell the seed of each picture, and what it is of where they are of different words."""
    for number, seed in enumerate(seeds):
        line = texts.info_seed.format(number=number + 1, seed=seed)
        yield f"{line} · {one_line(drawing.words(seed), INFO_WORDS)}" if drawing.prompts else line


def _took(texts: Texts, result: Pictures) -> str:
    """Say how long a member waited, and for what."""
    seconds = result.seconds
    stages = (
        (texts.took_waiting, ("queue",)),
        (texts.took_drawing, ("prefill", "decode", "pixels")),
        (texts.took_enlarging, ("upscale",)),
    )
    parts = [(words, round(sum(seconds.get(name, 0.0) for name in names), 1)) for words, names in stages]
    return " · ".join(words.format(seconds=decimal(took, texts, 1)) for words, took in parts if took)
