"""Image tokens by hand: a scene as a 12 x 12 grid of codes, and back.

A world this plain needs no learned codebook. Every shape fills a square block of cells, and a code says what its cell
shows: a colour, and either the cell's own position (background) or the kind and size of a shape and which cell of its
block this is. So inside a block the next token follows from its neighbours by a rule of copying, and the only
decisions that a language model has to learn are the ones that the words are about: the background's colour, and at
each background cell whether a block begins here, and of which shape.

    code = colour * CELLS + cell        cell < 144: background at (row, column); else a cell of a shape's block
"""

import numpy as np

from model.demo.world import COLOURS, KINDS, SIZES, Scene, Shape

GRID = 12
POSITIONS = GRID * GRID
BLOCKS = {"small": 3, "medium": 4, "large": 5}  # cells on a side, for each size
_OFFSETS = {"small": 0, "medium": 9, "large": 25}
_BLOCK_CELLS = sum(side * side for side in BLOCKS.values())
CELLS = POSITIONS + len(KINDS) * _BLOCK_CELLS  # 444
CODES = len(COLOURS) * CELLS  # 4440
_COLOUR_NAMES = tuple(COLOURS)


def block_cell(kind: str, size: str, row: int = 0, column: int = 0) -> int:
    """The cell number of one cell of a shape's block."""
    return POSITIONS + KINDS.index(kind) * _BLOCK_CELLS + _OFFSETS[size] + row * BLOCKS[size] + column


def snapped(kind: str, colour: str, size: str, row: int, column: int) -> Shape:
    """The shape whose block begins at a cell of the grid."""
    middle = BLOCKS[size] / 2
    return Shape(kind, colour, (column + middle) / GRID, (row + middle) / GRID, SIZES[size])


def corner(shape: Shape) -> tuple[int, int]:
    """Row and column of the first cell of a snapped shape's block."""
    middle = BLOCKS[shape.size_name] / 2
    return round(shape.y * GRID - middle), round(shape.x * GRID - middle)


def encode(scene: Scene) -> np.ndarray:
    """Write a scene of snapped shapes as codes: int64, (144,), row by row."""
    cells = np.arange(POSITIONS).reshape(GRID, GRID)
    colours = np.full((GRID, GRID), _COLOUR_NAMES.index(scene.background))
    for shape in scene.shapes:
        (row, column), size = corner(shape), shape.size_name
        side = BLOCKS[size]
        block = np.s_[row : row + side, column : column + side]
        cells[block] = block_cell(shape.kind, size) + np.arange(side * side).reshape(side, side)
        colours[block] = _COLOUR_NAMES.index(shape.colour)
    return (colours * CELLS + cells).ravel()


def decode(codes: np.ndarray) -> Scene | None:
    """Read the scene that codes describe; None where they aren't exactly what `encode` writes."""
    colours, cells = np.divmod(np.asarray(codes), CELLS)
    plain = cells < POSITIONS
    if not plain.any():
        return None
    starts = {block_cell(kind, size): (kind, size) for kind in KINDS for size in BLOCKS}
    shapes = []
    for place in np.flatnonzero(~plain):
        if int(cells[place]) in starts:
            kind, size = starts[int(cells[place])]
            shapes.append(snapped(kind, _COLOUR_NAMES[colours[place]], size, *divmod(int(place), GRID)))
    scene = Scene(_COLOUR_NAMES[colours[plain][0]], tuple(shapes))
    fits = all(max(corner(shape)) + BLOCKS[shape.size_name] <= GRID for shape in shapes)
    return scene if fits and np.array_equal(encode(scene), codes) else None
