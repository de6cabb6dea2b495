"""What avoiding does: how often a colour that the prompt leaves open comes out, with and without it being avoided."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from model.demo.judge import read
from model.engine.engine import Engine
from model.network.upscaler import Lanczos
from model.requests import Drawing, Pictures
from model.settings import EngineSettings
from model.weights.checkpoint import Janus

PROMPT, AVOID = "a circle on a white background", "a red circle"
SCALES = (2.0, 3.0, 5.0)  # of guidance
COUNT = 5  # pictures of a drawing


@dataclass(frozen=True)
class Drawn:
    """What the judge saw on pictures of PROMPT, in shares of 0 to 1."""

    guidance: float
    avoid: str
    red: float  # one red circle on white
    circle: float  # one circle of any colour on white


def examine(janus: Janus, avoid: str, *, guidance: float, pictures: int) -> Drawn:
    """Draw PROMPT at temperature 1, by seeds from 0 on, and look at what came out."""
    seen = [read(picture) for picture in _draw(janus, avoid, guidance, pictures)]
    colours = [
        scene.shapes[0].colour
        for scene in seen
        if scene and scene.background == "white" and [shape.kind for shape in scene.shapes] == ["circle"]
    ]
    return Drawn(guidance, avoid, colours.count("red") / pictures, len(colours) / pictures)


def table(janus: Janus, *, pictures: int) -> str:
    """Give the table as Markdown: every guidance, without and with AVOID, of so many pictures each."""
    lines = ["| guidance | avoid | red circles | circles of any colour |", "| --- | --- | --- | --- |"]
    for guidance in SCALES:
        for avoid in ("", AVOID):
            drawn = examine(janus, avoid, guidance=guidance, pictures=pictures)
            lines.append(f"| {guidance:g} | {avoid or '-'} | {100 * drawn.red:.0f} % | {100 * drawn.circle:.0f} % |")
    return "\n".join(lines)


def _draw(janus: Janus, avoid: str, guidance: float, pictures: int) -> Sequence[Image.Image]:
    engine = Engine(janus, Lanczos(), EngineSettings())
    for seed in range(0, pictures, COUNT):
        wish = Drawing(
            prompt=PROMPT,
            avoid=avoid,
            seed=seed,
            guidance=guidance,
            count=min(COUNT, pictures - seed),
            upscale=False,
            owner=str(seed),
        )
        engine.add(engine.prepare(wish))
    drawn: list[Image.Image] = []
    while not engine.idle:
        for _, event in engine.step():
            if isinstance(event, Pictures):
                drawn += event.pictures
    return drawn
