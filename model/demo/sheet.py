"""Contact sheets: what was drawn or answered, with the words under it, to look at."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from model.demo.exam import Answered, Drawn

CELL, CAPTION = 150, 46  # pixels: a picture's side, and the room for words below it
COLUMNS = 10
RIGHT, WRONG = (0, 110, 40), (190, 0, 0)


def sheet(shown: Sequence[Drawn | Answered]) -> Image.Image:
    """All pictures in rows of ten; words of wrong ones are red."""
    rows = -(-len(shown) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * (CELL + 4), rows * (CELL + CAPTION)), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(10)
    for i, one in enumerate(shown):
        left, top = i % COLUMNS * (CELL + 4) + 2, i // COLUMNS * (CELL + CAPTION) + 2
        page.paste(one.picture.resize((CELL, CELL), Image.Resampling.LANCZOS), (left, top))
        pen.rectangle((left, top, left + CELL - 1, top + CELL - 1), outline=(200, 200, 200))
        words = one.prompt if isinstance(one, Drawn) else f"{one.exchange.question} {one.answer}"
        pen.text((left, top + CELL + 1), wrapped(words, font), RIGHT if one.right else WRONG, font, spacing=0)
    return page


def wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Text in up to four lines as wide as a picture."""
    lines = [""]
    for piece in text.split():
        longer = f"{lines[-1]} {piece}".strip()
        if font.getlength(longer) <= CELL:
            lines[-1] = longer
        else:
            lines.append(piece)
    return "\n".join(lines[:4])
