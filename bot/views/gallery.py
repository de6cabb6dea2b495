"""The gallery: the finished pictures of a drawing."""

from collections.abc import Sequence

import discord
from discord import ui

from bot.post import Parcel
from bot.texts import Texts
from bot.uploads import Upload
from bot.views.layout import DONE, layout
from bot.views.lines import PROMPT_TEXT, model_name, one_line
from model.requests import Drawing


def gallery(
    texts: Texts, drawing: Drawing, files: Sequence[Upload], model: str, seconds: float, mention: str = ""
) -> Parcel:
    """Show finished pictures with all it takes to draw them again. `mention`: whom to call."""
    small = texts.drawing_line.format(
        seed=drawing.seed,
        guidance=f"{drawing.guidance:g}",
        temperature=f"{drawing.temperature:g}",
        model=model_name(model),
        seconds=seconds,
    )
    note = [texts.one_at_zero] if drawing.temperature == 0 else []
    pictures = [discord.MediaGalleryItem(f"attachment://{file.name}", description=file.alt) for file in files]
    view = layout(
        ui.TextDisplay(" ".join(filter(None, [mention, f"**{one_line(drawing.prompt, PROMPT_TEXT)}**"]))),
        ui.MediaGallery(*pictures),
        ui.TextDisplay("\n".join(f"-# {line}" for line in [*note, small])),
        colour=DONE,
    )
    return Parcel(view, files)
