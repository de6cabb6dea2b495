"""The judge: reads a scene back from pixels alone, by geometry, without any model.

The background is the commonest colour, each connected region that differs from it is a shape, its colour is the
palette colour nearest to its middle pixels, and its kind is the outline that covers it best. A picture that the judge
can't read, because a region is no shape or no colour of the world, is a wrong picture.
"""

import numpy as np
from PIL import Image, ImageDraw

from model.demo.world import COLOURS, KINDS, SUPERSAMPLING, Scene, Shape, outline

SIDE = 192  # pixels at which pictures are read
PALETTE = np.array(list(COLOURS.values()), np.float32)
COLOUR_ERROR = 40.0  # a colour farther than this from every palette colour (of 0 to 441) is none
CONTRAST = 0.5  # a pixel belongs to a region from half-way between the background and the region's colour on
SPECK = 12  # smaller regions, in pixels, are noise
STRETCH = 1.2  # a region that is wider or taller than its outline by more is no such shape
LIKENESS = 0.86  # least intersection over union with an outline


def read(picture: Image.Image) -> Scene | None:
    """The scene that a square RGB picture shows, its shapes in reading order; None if it is not of the world."""
    pixels = np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    nearest = np.linalg.norm(pixels[:, :, None] - PALETTE, axis=3).argmin(2)
    background = int(np.bincount(nearest.ravel()).argmax())
    difference = np.linalg.norm(pixels - PALETTE[background], axis=2)
    if np.median(difference[nearest == background]) > COLOUR_ERROR:
        return None
    shapes = []
    for region in regions(difference > COLOUR_ERROR):
        if region.sum() < SPECK:
            continue
        shape = _shape(pixels, difference, region)
        if shape is None:
            return None
        shapes.append(shape)
    return Scene(list(COLOURS)[background], tuple(shapes))


def _shape(pixels: np.ndarray, difference: np.ndarray, region: np.ndarray) -> Shape | None:
    inner = region & (difference > 0.8 * np.quantile(difference[region], 0.9))
    middle = np.median(pixels[inner], axis=0)
    errors = np.linalg.norm(PALETTE - middle, axis=1)
    if errors.min() > COLOUR_ERROR:
        return None
    mask = region & (difference > CONTRAST * np.median(difference[inner]))
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    scores = {kind: _likeness(mask, box, kind) for kind in KINDS}
    kind = max(scores, key=lambda name: scores[name])
    if scores[kind] < LIKENESS:
        return None
    (left, top, right, bottom), (u, v, reach) = box, _bounds(kind)
    if not 1 / STRETCH < (right - left) / (bottom - top) < STRETCH:  # every outline is about as wide as it is tall
        return None
    size = (right - left + bottom - top) / (2 * reach) / SIDE
    x, y = (left + right) / 2 / SIDE - u * size / 2, (top + bottom) / 2 / SIDE - v * size / 2
    return Shape(kind, list(COLOURS)[int(errors.argmin())], x, y, size)


def _bounds(kind: str) -> tuple[float, float, float]:
    """An outline's bounding box: its centre, in half widths of the shape, and its mean side, in widths."""
    points = np.array([(-1, -1), (1, 1)] if kind == "circle" else outline(kind))
    low, high = points.min(0), points.max(0)
    return (low[0] + high[0]) / 2, (low[1] + high[1]) / 2, float((high - low).mean()) / 2


def _likeness(mask: np.ndarray, box: tuple[int, int, int, int], kind: str) -> float:
    """Intersection over union of a region with a kind's outline stretched to the region's box."""
    left, top, right, bottom = box
    scale = np.array((right - left, bottom - top)) * SUPERSAMPLING
    drawn = Image.new("L", tuple(scale.tolist()))
    if kind == "circle":
        ImageDraw.Draw(drawn).ellipse((0, 0, *(scale - 1).tolist()), fill=255)
    else:
        points = np.array(outline(kind))
        points = (points - points.min(0)) / np.ptp(points, axis=0) * scale
        ImageDraw.Draw(drawn).polygon([(x, y) for x, y in points.tolist()], fill=255)
    expected = np.asarray(drawn.reduce(SUPERSAMPLING)) > 127
    found = mask[top:bottom, left:right]
    return float((expected & found).sum() / (expected | found).sum())


def regions(mask: np.ndarray) -> list[np.ndarray]:
    """The connected regions (by sides) of a boolean mask, as boolean masks, in reading order of their first pixels."""
    labels, count = Image.fromarray(mask.astype(np.uint8)).copy(), 0
    while count < 250:
        left = np.flatnonzero(np.asarray(labels) == 1)
        if not len(left):
            break
        count += 1
        row, column = divmod(int(left[0]), mask.shape[1])
        ImageDraw.floodfill(labels, (column, row), count + 1)
    array = np.asarray(labels)
    return [array == label for label in range(2, count + 2)]
