"""Image tokens by hand: a scene as a 12 x 12 grid of codes, and back.

A world this plain needs no learned codebook. Every shape fills a square block of cells, and a code says what its cell
shows: a colour, and either the cell's own position (background) or the kind and size of a shape and which cell of its
block this is. So inside a block the next token follows from its neighbours by a rule of copying.

All decisions stand in the first row, which shows plain background: after the background's colour, each of its cells
carries one word of the plan, a kind, a colour, a size, and last the places. Each is one draw from one list, as words
in a sentence are, so guidance has something clear to sharpen, and a prompt's words are bound to shapes by the attention
that binds words to words. What follows is painting by the plan.

    code = colour * CELLS + cell
    cell < 144: background at (row, column); < 188: background with a word of the plan; else a cell of a shape's block
"""

from collections.abc import Iterator

import numpy as np

from model.demo.world import COLOURS, KINDS, SIZES, Scene, Shape

GRID = 12
POSITIONS = GRID * GRID
BLOCKS = {"small": 3, "medium": 4, "large": 5}  # cells on a side, for each size
_COLOUR_NAMES, _SIZE_NAMES = tuple(COLOURS), tuple(SIZES)

# words of the plan: the first cell number of each list
_KIND = POSITIONS  # and one more: no shape
_COLOUR = _KIND + len(KINDS) + 1
_SIZE = _COLOUR + len(COLOURS)
_ROW = _SIZE + len(SIZES)
_COLUMN = _ROW + GRID
BACKGROUND = _COLUMN + GRID  # cells that show plain background: 188

_OFFSETS = {"small": 0, "medium": 9, "large": 25}
_BLOCK_CELLS = sum(side * side for side in BLOCKS.values())
CELLS = BACKGROUND + len(KINDS) * _BLOCK_CELLS  # 488
CODES = len(COLOURS) * CELLS  # 4880


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


def _plan(shapes: tuple[Shape, ...]) -> Iterator[int]:
    """The plan's cells from the second on: what each of two shapes is, then where."""
    for shape in shapes:
        yield from (_KIND + KINDS.index(shape.kind), _COLOUR + _COLOUR_NAMES.index(shape.colour))
        yield _SIZE + _SIZE_NAMES.index(shape.size_name)
    for _ in range(2 - len(shapes)):
        yield _KIND + len(KINDS)
    for shape in shapes:
        row, column = corner(shape)
        yield from (_ROW + row, _COLUMN + column)


def encode(scene: Scene) -> np.ndarray:
    """Write a scene of up to two snapped shapes, none of them in the first row, as codes: int64, (144,), row by row."""
    cells = np.arange(POSITIONS).reshape(GRID, GRID)
    colours = np.full((GRID, GRID), _COLOUR_NAMES.index(scene.background))
    plan = list(_plan(scene.shapes))
    cells[0, 1 : 1 + len(plan)] = plan
    for shape in scene.shapes:
        (row, column), side = corner(shape), BLOCKS[shape.size_name]
        block = np.s_[row : row + side, column : column + side]
        cells[block] = block_cell(shape.kind, shape.size_name) + np.arange(side * side).reshape(side, side)
        colours[block] = _COLOUR_NAMES.index(shape.colour)
    return (colours * CELLS + cells).ravel()


def decode(codes: np.ndarray) -> Scene | None:
    """Read the scene that codes describe, by their plan; None where they aren't exactly what `encode` writes."""
    colours, cells = np.divmod(np.asarray(codes), CELLS)
    told = cells[1:GRID].tolist()
    whats: list[tuple[str, str, str]] = []
    try:
        for _ in range(2):
            if told[0] == _KIND + len(KINDS):
                told = told[1:]
                continue
            kind, colour, size = told[0] - _KIND, told[1] - _COLOUR, told[2] - _SIZE
            told = told[3:]
            if min(kind, colour, size) < 0:
                return None
            whats.append((KINDS[kind], _COLOUR_NAMES[colour], _SIZE_NAMES[size]))
        wheres = [(told[2 * i] - _ROW, told[2 * i + 1] - _COLUMN) for i in range(len(whats))]
    except IndexError:
        return None
    if any(
        row < 1 or column < 0 or max(row, column) + BLOCKS[what[2]] > GRID
        for what, (row, column) in zip(whats, wheres, strict=True)
    ):
        return None
    shapes = tuple(snapped(*what, *where) for what, where in zip(whats, wheres, strict=True))
    scene = Scene(_COLOUR_NAMES[colours[0]], shapes)
    return scene if np.array_equal(encode(scene), codes) else None
