"""All that there is to tell of a drawing or an enlargement, for who presses *Info*."""

from collections.abc import Iterator
from itertools import zip_longest
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
        if record.result.judged:
            lines[-1] += f" · {texts.chosen_from.format(n=drawing.candidates)}"
        if drawing.avoid:
            lines.append(texts.avoiding.format(words=one_line(drawing.avoid, INFO_AVOID)))
        lines.append("\n".join(_each(texts, drawing, record.result)))
        if record.result.judged:
            lines.append(texts.info_judged)
        if drawing.always_avoid:
            lines.append(texts.avoiding_more)
        if drawing.kept and record.result.tokens:
            lines.append(texts.info_kept.format(percent=round(100 * len(drawing.kept) / len(record.result.tokens[0]))))
        if record.result.judged:
            options = {"seed": texts.option_seed, "count": texts.option_count, "careful": texts.option_careful}
            lines.append(texts.info_alone_careful.format(imagine=f"/{texts.name_imagine}", **options))
        elif len(record.result.seeds) > 1:
            alone = texts.info_alone_words if drawing.prompts else texts.info_alone
            lines.append(alone.format(edit=texts.edit, pictures=texts.set_count))
    else:
        lines.append(texts.info_enlarged.format(number=record.request.picture + 1))  # type: ignore[union-attr]
    small = filter(None, [_took(texts, record.result), origin_line(record.origin, texts)])
    lines.append("\n".join(f"-# {line}" for line in small))
    return layout(*(ui.TextDisplay(line) for line in lines if line), colour=DONE)


def _each(texts: Texts, drawing: Drawing, result: Pictures) -> Iterator[str]:
    """Tell the seed of each picture, how it was judged, and what it is of where they are of different words."""
    for number, (seed, chance) in enumerate(zip_longest(result.seeds, result.judged)):
        parts = [texts.info_seed.format(number=number + 1, seed=seed)]
        parts += [] if chance is None else [f"{100 * chance:.0f} %"]
        parts += [one_line(drawing.words(seed), INFO_WORDS)] if drawing.prompts else []
        yield " · ".join(parts)


def _took(texts: Texts, result: Pictures) -> str:
    """Say how long a member waited, and for what."""
    seconds = result.seconds
    stages = (
        (texts.took_waiting, ("queue",)),
        (texts.took_drawing, ("prefill", "decode", "pixels", "judge")),
        (texts.took_enlarging, ("upscale",)),
    )
    parts = [(words, round(sum(seconds.get(name, 0.0) for name in names), 1)) for words, names in stages]
    return " · ".join(words.format(seconds=decimal(took, texts, 1)) for words, took in parts if took)
