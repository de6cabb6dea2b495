"""What the vision tower takes of a picture. No torch here: the bot reduces what is handed in to this at once."""

from typing import Final

from PIL import Image

SIDE: Final = 384  # pixels, of every released Janus model
PADDING: Final = (127, 127, 127)  # the mean 0.5 of each channel, truncated
SHORTEST: Final = 14  # pixels: a thin picture is not squeezed below this


def fit(picture: Image.Image, side: int = SIDE) -> Image.Image:
    """Fit an RGB picture into a grey square of `side` pixels. One that is such a square stays as it is.

    As DeepSeek's VLMImageProcessor: sizes are truncated, not rounded (transformers' processor rounds, and then many
    pictures differ by a row), and the resampling is PIL's bicubic one.
    """
    longest = max(picture.size)
    width, height = (max(int(length / longest * side), SHORTEST) for length in picture.size)
    square = Image.new("RGB", (side, side), PADDING)
    square.paste(picture.resize((width, height), Image.Resampling.BICUBIC), ((side - width) // 2, (side - height) // 2))
    return square
