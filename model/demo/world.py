"""The little world: one or two flat shapes on a plain background.

Everything the demo checkpoint knows is a `Scene`: it is worded by `wording`, written as image tokens by `codes` and
turned into pixels here. Lengths are shares of the picture's side, the origin is the top left corner.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image, ImageDraw

T = TypeVar("T")

COLOURS = {
    "red": (220, 40, 40),
    "orange": (245, 140, 30),
    "yellow": (245, 215, 50),
    "green": (40, 160, 70),
    "blue": (45, 90, 220),
    "purple": (140, 60, 180),
    "pink": (245, 150, 190),
    "white": (250, 250, 250),
    "gray": (128, 128, 128),
    "black": (20, 20, 20),
}
KINDS = ("circle", "square", "triangle", "diamond", "star", "cross")
SIZES = {"small": 0.2, "medium": 0.3, "large": 0.4}  # a shape's width
SIZE_EDGES = (0.25, 0.35)  # below the first: small, above the second: large
PLACE_EDGES = (0.355, 0.645)  # of a shape's centre: left, middle, right; top, middle, bottom
PLACES = {  # name -> (column, row), each 0, 1 or 2
    "top left": (0, 0),
    "top": (1, 0),
    "top right": (2, 0),
    "left": (0, 1),
    "centre": (1, 1),
    "right": (2, 1),
    "bottom left": (0, 2),
    "bottom": (1, 2),
    "bottom right": (2, 2),
}
RELATIONS = ("left", "right", "above", "below")
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}
PLACE_NAMES = {cell: name for name, cell in PLACES.items()}
SUPERSAMPLING = 4


@dataclass(frozen=True, slots=True)
class Shape:
    """One flat shape. `x` and `y` are its centre, `size` its width."""

    kind: str
    colour: str
    x: float
    y: float
    size: float

    @property
    def size_name(self) -> str:
        """small, medium or large."""
        return ("small", "medium", "large")[sum(self.size > edge for edge in SIZE_EDGES)]

    @property
    def place(self) -> str:
        """The ninth of the picture that holds the centre: a key of PLACES."""
        column, row = (sum(value > edge for edge in PLACE_EDGES) for value in (self.x, self.y))
        return PLACE_NAMES[column, row]

    @property
    def is_clear(self) -> bool:
        """Whether nobody would argue about its size and place: neither is close to an edge between two names."""
        far_from = [abs(self.size - edge) > 0.02 for edge in SIZE_EDGES]
        far_from += [abs(value - edge) > 0.025 for value in (self.x, self.y) for edge in PLACE_EDGES]
        return all(far_from)


@dataclass(frozen=True, slots=True)
class Scene:
    """A background and the shapes on it; with two shapes, the one that the words name first comes first."""

    background: str
    shapes: tuple[Shape, ...]


def stands(shape: Shape, relation: str, other: Shape) -> bool:
    """Whether a shape is wholly and mainly left of (right of, above, below) another."""
    right, down = other.x - shape.x, other.y - shape.y
    along, across = (right, down) if relation in ("left", "right") else (down, right)
    along = -along if relation in ("right", "below") else along
    return along >= abs(across) - 0.02 and along >= 0.45 * (shape.size + other.size)


def relation(shape: Shape, other: Shape) -> str | None:
    """How a shape stands to another: the first of RELATIONS that holds, if any does."""
    return next((relation for relation in RELATIONS if stands(shape, relation, other)), None)


def is_held_out(scene: Scene) -> bool:
    """Tell whether a scene is kept out of all training, by its combination alone.

    A tenth of all (colour, kind, background) triples is held out, and an eighth of all unordered pairs of partners.
    """
    colours, kinds = list(COLOURS), list(KINDS)
    marks = [3 * colours.index(shape.colour) + 7 * kinds.index(shape.kind) for shape in scene.shapes]
    if any((mark + colours.index(scene.background)) % 10 == 0 for mark in marks):
        return True
    return len(marks) == 2 and (sum(marks) + math.prod(marks)) % 8 == 0


def outline(kind: str) -> list[tuple[float, float]]:
    """Corners of a kind of shape in a square from -1 to 1, y downwards. A circle has none: ask `render`."""
    if kind == "square":
        return [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    if kind == "triangle":
        return [(0, -1), (1, 1), (-1, 1)]
    if kind == "diamond":
        return [(0, -1), (1, 0), (0, 1), (-1, 0)]
    if kind == "cross":
        a = 1 / 3
        return [
            (-a, -1),
            (a, -1),
            (a, -a),
            (1, -a),
            (1, a),
            (a, a),
            (a, 1),
            (-a, 1),
            (-a, a),
            (-1, a),
            (-1, -a),
            (-a, -a),
        ]
    if kind == "star":
        radii = (1.0, 0.42)
        angles = [math.pi * (i / 5 - 0.5) for i in range(10)]
        return [(radii[i % 2] * math.cos(angle), radii[i % 2] * math.sin(angle)) for i, angle in enumerate(angles)]
    raise ValueError(f"no outline for {kind!r}: a circle is drawn as an ellipse, other kinds are {', '.join(KINDS)}")


def render(scene: Scene, side: int) -> Image.Image:
    """Draw a scene, antialiased: RGB, side x side pixels."""
    picture = Image.new("RGB", (side, side), COLOURS[scene.background])
    for shape in scene.shapes:
        half = shape.size * side / 2
        left, top = math.floor(shape.x * side - half) - 1, math.floor(shape.y * side - half) - 1
        box = math.ceil(2 * half) + 3
        mask = Image.new("L", (box * SUPERSAMPLING,) * 2)
        x, y = (shape.x * side - left) * SUPERSAMPLING, (shape.y * side - top) * SUPERSAMPLING
        half *= SUPERSAMPLING
        if shape.kind == "circle":
            ImageDraw.Draw(mask).ellipse((x - half, y - half, x + half - 1, y + half - 1), fill=255)
        else:
            ImageDraw.Draw(mask).polygon([(x + half * u, y + half * v) for u, v in outline(shape.kind)], fill=255)
        picture.paste(COLOURS[shape.colour], (left, top), mask.reduce(SUPERSAMPLING))
    return picture


def choose(rng: np.random.Generator, options: Sequence[T]) -> T:
    """Pick one of the options, each as likely."""
    return options[int(rng.integers(len(options)))]
