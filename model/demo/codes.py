"""Image tokens by hand: a scene as a 12 x 12 grid of codes, and back.

A world this plain needs no learned codebook. Every shape fills a square block of cells, and a code says what its cell
shows: a colour, and either plain background or the kind and size of a shape and which cell of its block this is.

All background looks alike, so its codes are free to carry notes, and they turn painting into copying:

- The first row is the plan: each cell holds one word. The first says how the shapes stand to each other, if there are
  two; then come kind, colour, size with place, row and column of each as the prompt names them, and last how many
  columns there are between two that stand side by side, if the right one has the other in its way. Each is one draw
  from one list, as words in a sentence are, so guidance has something clear to sharpen, and a prompt's words are bound
  to shapes by the attention that binds words to words. What a prompt says of "where" is copied before it has to be
  turned into numbers.
- The first column counts down the rows until the shape that is named first begins, the last column those until the
  other does ("rest"), and in the row where one begins, the background before it counts down the columns ("reach"); 0
  stands before the shape in the way, and the count behind it is the plan's last word. What comes next follows from the
  cell on the left, the cell above and the plan's words by looking up, never by arithmetic on positions: that was tried
  in three ways, and not learned in an hour.
- Any other background tells its column.

So no shape stands in the first row, the first column or the last, and no two begin in the same row: `has_room`.

    code = colour * CELLS + cell
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from model.demo.world import COLOURS, KINDS, PLACES, RELATIONS, SIZES, Scene, Shape, relation

GRID = 12
POSITIONS = GRID * GRID
BLOCKS = {"small": 3, "medium": 4, "large": 5}  # cells on a side, for each size
_COLOUR_NAMES, _SIZE_NAMES, _PLACE_NAMES = tuple(COLOURS), tuple(SIZES), tuple(PLACES)
_LAYOUTS = ("empty", "alone", *RELATIONS, "neither")

# Lists of background cells after those that tell their column: the first cell number of each.
_LISTS = {
    "layout": len(_LAYOUTS),
    **{
        f"{word} {i}": count
        for i in (0, 1)
        for word, count in (
            ("kind", len(KINDS)),
            ("colour", len(COLOURS)),
            ("size", len(SIZES) * len(PLACES)),
            ("row", GRID),
            ("column", GRID),
        )
    },
    "gap": GRID + 1,  # the last: nothing is in the way
    **{f"{note} {i}": GRID for note in ("rest", "reach") for i in (0, 1)},
}
AT = dict(zip(_LISTS, accumulate(_LISTS.values(), initial=GRID), strict=False))
BACKGROUND = GRID + sum(_LISTS.values())  # cells that show plain background

_OFFSETS = {"small": 0, "medium": 9, "large": 25}
_BLOCK_CELLS = sum(side * side for side in BLOCKS.values())
CELLS = BACKGROUND + len(KINDS) * _BLOCK_CELLS
CODES = len(COLOURS) * CELLS


def block_cell(kind: str, size: str) -> int:
    """The cell number of the first cell of a shape's block; the others follow, row by row."""
    return BACKGROUND + KINDS.index(kind) * _BLOCK_CELLS + _OFFSETS[size]


def snapped(kind: str, colour: str, size: str, row: int, column: int) -> Shape:
    """The shape whose block begins at a cell of the grid."""
    middle = BLOCKS[size] / 2
    return Shape(kind, colour, (column + middle) / GRID, (row + middle) / GRID, SIZES[size])


def corner(shape: Shape) -> tuple[int, int]:
    """Row and column of the first cell of a snapped shape's block."""
    middle = BLOCKS[shape.size_name] / 2
    return round(shape.y * GRID - middle), round(shape.x * GRID - middle)


def has_room(blocks: Sequence[tuple[int, int, int]]) -> bool:
    """Whether codes can show blocks, each with the row and column of its first cell and its side, together."""
    if not all(0 < row <= GRID - side and 0 < column < GRID - side for row, column, side in blocks):
        return False
    for (row, column, side), (later, other, its_side) in pairwise(sorted(blocks)):
        if row == later:
            return False
        if later < row + side and other < column + side and other + its_side > column:
            return False
    return True


def in_the_way(shapes: tuple[Shape, ...]) -> tuple[int, int, int] | None:
    """Of two shapes, the number of the one that begins later, where another's block stands before it, and that block.

    The block is given as its first column and the first behind it.
    """
    for i, other in ((0, 1), (1, 0)) if len(shapes) == 2 else ():
        (row, column), (above, left) = corner(shapes[i]), corner(shapes[other])
        side = BLOCKS[shapes[other].size_name]
        if above < row < above + side and left < column:
            return i, left, left + side
    return None


def plan(shapes: tuple[Shape, ...]) -> list[int]:
    """The plan's cells: how many shapes and how they stand, and of each, what it is and where."""
    layout = ("empty", "alone", (relation(*shapes) or "neither") if len(shapes) == 2 else "")[len(shapes)]
    told = [("layout", _LAYOUTS.index(layout))]
    for i, shape in enumerate(shapes):
        size = _SIZE_NAMES.index(shape.size_name) * len(PLACES) + _PLACE_NAMES.index(shape.place)
        told += [(f"kind {i}", KINDS.index(shape.kind)), (f"colour {i}", _COLOUR_NAMES.index(shape.colour))]
        told += [(f"size {i}", size), *zip((f"row {i}", f"column {i}"), corner(shape), strict=True)]
    if len(shapes) == 2:
        way = in_the_way(shapes)
        told.append(("gap", corner(shapes[way[0]])[1] - way[2] if way else GRID))
    return [AT[word] + number for word, number in told]


def encode(scene: Scene) -> np.ndarray:
    """Write a scene of up to two snapped shapes, placed as the module says, as codes: int64, (144,), row by row."""
    cells = np.tile(np.arange(GRID), (GRID, 1))
    colours = np.full((GRID, GRID), _COLOUR_NAMES.index(scene.background))
    words = plan(scene.shapes)
    cells[0, : len(words)] = words
    way = in_the_way(scene.shapes)
    for i, shape in enumerate(scene.shapes):
        row, column = corner(shape)
        cells[1:row, (0, -1)[i]] = AT[f"rest {i}"] + np.arange(row - 1, 0, -1)
        free = int(cells[row, 0] >= GRID)  # the first column may still be counting for the other
        cells[row, free:column] = AT[f"reach {i}"] + np.arange(column - free, 0, -1)
        if way and way[0] == i:
            cells[row, free : way[1]] = AT[f"reach {i}"]
    for shape in scene.shapes:
        (row, column), side = corner(shape), BLOCKS[shape.size_name]
        block = np.s_[row : row + side, column : column + side]
        cells[block] = block_cell(shape.kind, shape.size_name) + np.arange(side * side).reshape(side, side)
        colours[block] = _COLOUR_NAMES.index(shape.colour)
    return (colours * CELLS + cells).ravel()


def word_of(cell: int) -> str:
    """The list that a background cell is from; "" for one that tells its column."""
    return next((word for word in reversed(AT) if cell >= AT[word]), "")


def planned(codes: np.ndarray) -> Scene | None:
    """Read the scene that the first row plans; None where it isn't a plan of shapes that have room."""
    colours, cells = np.divmod(np.asarray(codes)[:GRID], CELLS)
    number = {word: int(cell) - AT[word] for cell in cells.tolist() if (word := word_of(cell))}
    try:
        whats = [
            (
                KINDS[number[f"kind {i}"]],
                _COLOUR_NAMES[number[f"colour {i}"]],
                _SIZE_NAMES[number[f"size {i}"] // len(PLACES)],
            )
            for i in range(min(2, number["layout"]))
        ]
        wheres = [(number[f"row {i}"], number[f"column {i}"]) for i in range(len(whats))]
    except (IndexError, KeyError):
        return None
    if not has_room([(*where, BLOCKS[size]) for (_, _, size), where in zip(whats, wheres, strict=True)]):
        return None
    shapes = tuple(snapped(*what, *where) for what, where in zip(whats, wheres, strict=True))
    return Scene(_COLOUR_NAMES[colours[0]], shapes)


def decode(codes: np.ndarray) -> Scene | None:
    """Read the scene that codes describe; None where they aren't exactly what `encode` writes."""
    scene = planned(codes)
    return scene if scene is not None and np.array_equal(encode(scene), codes) else None
