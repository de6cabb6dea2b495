"""Image tokens by hand: a scene as a 12 x 12 grid of codes, and back.

A world this plain needs no learned codebook. Every shape fills a square block of cells, and a code says what its cell
shows: a colour, and either plain background or the kind and size of a shape and which cell of its block this is.

All background looks alike, so its codes are free to carry notes, and they turn painting into copying:

- The first row is the plan: each cell holds one word. The first says how the shapes stand to each other, if there are
  two; then come what it is (kind and colour) and size with place of each, as the prompt names them, then row and column
  of each. Each is one draw from one list, as words in a sentence are, so guidance has something clear to sharpen, and a
  prompt's words are bound to shapes by the attention that binds words to words. What a prompt says of "where" is copied
  before it has to be turned into numbers.
- The first column counts down the rows until each of the shapes begins ("rest": two counts in one code), and in the row
  where one does, the background before it counts down the columns ("reach"), unless it begins in the very next cell,
  which the first column says. What comes next follows from the cell on the left, the cell above and the plan's words by
  looking up, never by arithmetic on positions, and no cell has to look up where and what at once.
- Any other background tells its column.

So no shape stands in the first row or column, no two begin in the same row, and nothing begins on the right of what
stands beside it, for a count would have to go on behind the shape in its way: `has_room`.

    code = colour * CELLS + cell
"""

from itertools import accumulate, pairwise

import numpy as np

from model.demo.world import COLOURS, KINDS, PLACES, RELATIONS, SIZES, Scene, Shape

GRID = 12
POSITIONS = GRID * GRID
BLOCKS = {"small": 3, "medium": 4, "large": 5}  # cells on a side, for each size
_COLOUR_NAMES, _SIZE_NAMES, _PLACE_NAMES = tuple(COLOURS), tuple(SIZES), tuple(PLACES)
_LAYOUTS = ("empty", "alone", *RELATIONS, "neither")
BEGUN = GRID - min(BLOCKS.values())  # in place of the rows that are left, which are none to eight
AT_ONCE = BEGUN + 1  # in place of none: the shape begins in the next cell
COUNTS = AT_ONCE + 1

# Lists of background cells after those that tell their column: the first cell number of each.
_LISTS = {
    "layout": len(_LAYOUTS),
    **{
        f"{word} {i}": count
        for i in (0, 1)
        for word, count in (
            ("what", len(KINDS) * len(COLOURS)),
            ("size", len(SIZES) * len(PLACES)),
            ("row", GRID),
            ("column", GRID),
        )
    },
    "rest": COUNTS**2,
    **{f"reach {i}": GRID for i in (0, 1)},
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


def has_room(shapes: tuple[Shape, ...]) -> bool:
    """Whether codes can show snapped shapes together, a cell apart at least, so that what is drawn does not touch."""
    boxes = sorted((*corner(shape), BLOCKS[shape.size_name]) for shape in shapes)
    if any(min(row, column) < 1 or max(row, column) + side > GRID for row, column, side in boxes):
        return False
    for (row, column, side), (later, other, its_side) in pairwise(boxes):
        below, left = later > row + side, other + its_side < column
        right = later == row + side and other > column + side
        if row == later or not (below or left or right):
            return False
    return True


def layout(shapes: tuple[Shape, ...]) -> str:
    """How shapes stand, by the ninths of the picture they are in: level with each other on opposite sides, or not."""
    if len(shapes) < 2:
        return _LAYOUTS[len(shapes)]
    right, down = (int(b) - a for a, b in zip(*(PLACES[shape.place] for shape in shapes), strict=True))
    names = {(2, 0): "left", (-2, 0): "right", (0, 2): "above", (0, -2): "below"}
    return names.get((right, down), "neither")


def plan(shapes: tuple[Shape, ...]) -> list[int]:
    """The plan's cells: how many shapes and how they stand, and of each, what it is and where."""
    told = [("layout", _LAYOUTS.index(layout(shapes)))]
    for i, shape in enumerate(shapes):
        what = KINDS.index(shape.kind) * len(COLOURS) + _COLOUR_NAMES.index(shape.colour)
        size = _SIZE_NAMES.index(shape.size_name) * len(PLACES) + _PLACE_NAMES.index(shape.place)
        told += [(f"what {i}", what), (f"size {i}", size)]
    for i, shape in enumerate(shapes):
        told += zip((f"row {i}", f"column {i}"), corner(shape), strict=True)
    return [AT[word] + number for word, number in told]


def encode(scene: Scene) -> np.ndarray:
    """Write a scene of up to two snapped shapes, placed as the module says, as codes: int64, (144,), row by row."""
    cells = np.tile(np.arange(GRID), (GRID, 1))
    colours = np.full((GRID, GRID), _COLOUR_NAMES.index(scene.background))
    words = plan(scene.shapes)
    cells[0, : len(words)] = words
    cells[1:, 0] = AT["rest"] + BEGUN * (COUNTS + 1)
    for i, shape in enumerate(scene.shapes):
        (row, column), side = corner(shape), BLOCKS[shape.size_name]
        rest = np.arange(row - 1, -1, -1)
        rest[-1] = AT_ONCE if column == 1 else 0
        cells[1 : row + 1, 0] += (rest - BEGUN) * (COUNTS, 1)[i]
        cells[row, 1:column] = AT[f"reach {i}"] + np.arange(column - 1, 0, -1)
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
        shapes = tuple(
            snapped(
                KINDS[number[f"what {i}"] // len(COLOURS)],
                _COLOUR_NAMES[number[f"what {i}"] % len(COLOURS)],
                _SIZE_NAMES[number[f"size {i}"] // len(PLACES)],
                number[f"row {i}"],
                number[f"column {i}"],
            )
            for i in range(min(2, number["layout"]))
        )
    except (IndexError, KeyError):
        return None
    return Scene(_COLOUR_NAMES[colours[0]], shapes) if has_room(shapes) else None


def decode(codes: np.ndarray) -> Scene | None:
    """Read the scene that codes describe; None where they aren't exactly what `encode` writes."""
    scene = planned(codes)
    return scene if scene is not None and np.array_equal(encode(scene), codes) else None
