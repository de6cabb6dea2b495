"""How crisp a picture is: flat inside its areas, and true to the ideal outlines.

Both are measured in pixels of a picture of 192, against what the judge read in it. An area is the background or a shape
without the pixels within four of any edge: how far its mean is from the palette's colour, and how much its pixels
spread about that mean, both in steps of 255 and over all channels. An outline is where, along every row and column, the
colour passes half-way from the background's to the shape's, found between pixels by interpolation. The shape's ideal
outline is fitted to these points, in place and size, and what counts is their mean distance from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter

from model.demo.judge import SIDE
from model.demo.world import COLOURS, Scene, Shape, outline, render

MARGIN = 4  # pixels from an edge
LEAST = 20  # pixels of an area that is worth measuring
NEAR = 6  # pixels around a shape where its outline is looked for
BLUR = 1  # pixels around another shape that may be of its colour
FITTING = 6  # steps of Gauss-Newton
NUDGE = 0.05  # pixels, for derivatives


@dataclass(frozen=True)
class Crispness:
    """Means over pictures: steps of 255 and pixels."""

    off: float
    spread: float
    outline: float


def crispness(pictures: Iterable[tuple[Image.Image, Scene]]) -> Crispness:
    """Measure pictures with what was read in them; each area, and each outline, counts as much."""
    measured = list(pictures)
    found = [area for picture, scene in measured for area in areas(picture, scene)]
    wobbles = [wobble(picture, scene, shape) for picture, scene in measured for shape in scene.shapes]
    off, spread = np.mean(found, axis=0) if found else (np.nan, np.nan)
    return Crispness(float(off), float(spread), float(np.mean(wobbles)) if wobbles else np.nan)


def areas(picture: Image.Image, scene: Scene) -> list[tuple[float, float]]:
    """For each area: how far its mean is from its colour, and the standard deviation within it."""
    pixels = np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    masks = [_inside(Scene("black", tuple(replace(shape, colour="white") for shape in scene.shapes)), lit=False)]
    masks += [_inside(Scene("black", (replace(shape, colour="white"),)), lit=True) for shape in scene.shapes]
    found = []
    for mask, colour in zip(masks, (scene.background, *(shape.colour for shape in scene.shapes)), strict=True):
        if mask.sum() >= LEAST:
            inside = pixels[mask]
            off = np.abs(inside.mean(0) - COLOURS[colour]).mean()
            found.append((float(off), float(np.sqrt(inside.var(0).mean()))))
    return found


def _inside(scene: Scene, *, lit: bool) -> np.ndarray:
    """Where a scene in black and white is lit, or is not, and has been for MARGIN pixels on all sides."""
    picture = render(scene, SIDE).convert("L")
    reached = picture.filter((ImageFilter.MinFilter if lit else ImageFilter.MaxFilter)(2 * MARGIN + 1))
    same: np.ndarray = np.asarray(reached) == (COLOURS["white"] if lit else COLOURS["black"])[0]
    return same


def wobble(picture: Image.Image, scene: Scene, shape: Shape) -> float:
    """The mean distance of a shape's outline from its ideal one, which is fitted to it."""
    points = _edge_points(picture, scene, shape)
    if len(points) < 8:
        return float(NEAR)
    fit = np.array((shape.x * SIDE, shape.y * SIDE, shape.size * SIDE / 2))
    for _ in range(FITTING):
        here = _distances(points, shape.kind, fit)
        slopes = np.stack(
            [(_distances(points, shape.kind, fit + step) - here) / NUDGE for step in NUDGE * np.eye(3)], axis=1
        )
        fit -= np.linalg.lstsq(slopes, here, rcond=None)[0].clip(-2, 2)
    return float(_distances(points, shape.kind, fit).mean())


def _edge_points(picture: Image.Image, scene: Scene, shape: Shape) -> np.ndarray:
    """Where the colour passes half-way between the background's and a shape's: (n, 2), x and y in pixels."""
    pixels = np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    ground, colour = (np.array(COLOURS[name], np.float64) for name in (scene.background, shape.colour))
    share = (pixels - ground) @ (colour - ground) / ((colour - ground) ** 2).sum() - 0.5
    near = _box(shape, NEAR)
    for other in scene.shapes:
        near = near & ~_box(other, BLUR) if other != shape else near
    points = []
    for axis in (0, 1):
        ahead, counted = np.moveaxis(share, axis, 0), np.moveaxis(near, axis, 0)
        before, after, both = ahead[:-1], ahead[1:], counted[:-1] & counted[1:]
        along, across = np.nonzero(((before < 0) != (after < 0)) & both)
        at = along + 0.5 + before[along, across] / (before[along, across] - after[along, across])
        points.append(np.stack((across + 0.5, at) if axis == 0 else (at, across + 0.5), axis=1))
    return np.concatenate(points)


def _box(shape: Shape, margin: float) -> np.ndarray:
    """The pixels in a shape's box with a margin."""
    middles, reach = np.arange(SIDE) + 0.5, shape.size * SIDE / 2 + margin
    box: np.ndarray = (abs(middles - shape.y * SIDE) < reach)[:, None] & (abs(middles - shape.x * SIDE) < reach)
    return box


def _distances(points: np.ndarray, kind: str, fit: np.ndarray) -> np.ndarray:
    """Distances of points from an ideal outline with a centre and half a width."""
    x, y, half = fit
    if kind == "circle":
        radial: np.ndarray = np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - half)
        return radial
    corners = np.array(outline(kind)) * half + (x, y)
    begins, sides = corners, np.roll(corners, -1, axis=0) - corners
    away = points[:, None] - begins
    along = ((away * sides).sum(2) / (sides**2).sum(1)).clip(0, 1)
    nearest: np.ndarray = np.linalg.norm(away - along[..., None] * sides, axis=2).min(1)
    return nearest
