"""What /help offers to press: examples that the model at hand can do something with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.ui.text import model_name


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples by the name that stands in their button. They are in English, as the models read it best."""

    drawings: Mapping[str, str]  # prompts
    questions: Mapping[str, str]


JANUS: Final = Examples(  # those of DeepSeek's own demo program
    drawings={
        "raccoon": "Master shifu racoon wearing drip attire as a street gangster.",
        "face": "The face of a beautiful girl",
        "astronaut": "Astronaut in a jungle, cold color palette, muted colors, detailed, 8k",
        "wine": "A glass of red wine on a reflective surface.",
        "fox": (
            "A cute and adorable baby fox with big brown eyes, autumn leaves in the background "
            "enchanting,immortal,fluffy, shiny mane,Petals,fairyism,unreal engine 5 and Octane Render,"
            "highly detailed, photorealistic, cinematic, natural colors."
        ),
    },
    questions={"meme": "explain this meme", "formula": "Convert the formula into latex code."},
)
DEMO: Final = Examples(  # of the small world that its README describes
    drawings={
        "circle": "a red circle on a blue background",
        "star": "a large yellow star in the centre on a black background",
        "square": "a small green square in the top left corner",
        "cross": "a pink cross on the right on a gray background",
        "pair": "a large red circle above a small blue square on a white background",
    },
    questions={"count": "how many shapes are there?", "describe": "describe this image"},
)


def examples_for(model: str) -> Examples:
    """Return the examples for a model, by the name that was asked for."""
    return DEMO if model_name(model) == "demo" else JANUS


def prompt_of(name: str) -> str | None:
    """Return the prompt of a drawing example, whichever model it is for; None if `name` is none."""
    return {**JANUS.drawings, **DEMO.drawings}.get(name)


def question_of(name: str) -> str | None:
    """Return the question of an asking example, whichever model it is for; None if `name` is none."""
    return {**JANUS.questions, **DEMO.questions}.get(name)
