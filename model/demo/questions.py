"""Questions about a scene and their answers, in short plain English."""

from collections.abc import Callable

import numpy as np

from model.demo.claims import claim
from model.demo.wishes import Wish
from model.demo.wording import COLOUR_WORDS, KIND_WORDS, PLURALS, pick, told, word
from model.demo.world import COLOURS, KINDS, OPPOSITE, RELATIONS, Scene, Shape, choose, is_held_out, relation, stands

PLACE_ANSWERS = {
    "centre": "in the centre",
    "left": "on the left",
    "right": "on the right",
    "top": "at the top",
    "bottom": "at the bottom",
    **{f"{end} {side}": f"in the {end} {side} corner" for end in ("top", "bottom") for side in ("left", "right")},
}
COUNT_ANSWERS = ("none", "one", "two")
LARGER = 1.25  # from this ratio of widths on, one shape is larger than another


def draw_scene(rng: np.random.Generator, *, held_out: bool = False) -> Scene:
    """Draw a scene to ask about: 0 to 2 shapes anywhere, of any size from small to large, none of them disputable."""
    count = int(rng.choice(3, p=(0.04, 0.4, 0.56)))
    while True:
        background = choose(rng, list(COLOURS))
        free = [colour for colour in COLOURS if colour != background]
        shapes = tuple(_anywhere(rng, free) for _ in range(count))
        scene = Scene(background, shapes)
        fits = all(shape.is_clear for shape in shapes) and (count < 2 or _distinct(*shapes))
        if fits and is_held_out(scene) == (held_out and count > 0):
            return scene


def _anywhere(rng: np.random.Generator, colours: list[str]) -> Shape:
    size = float(rng.uniform(0.17, 0.43))
    x, y = (float(value) for value in rng.uniform(size / 2, 1 - size / 2, 2))
    return Shape(choose(rng, KINDS), choose(rng, colours), x, y, size)


def _distinct(a: Shape, b: Shape) -> bool:
    """Two shapes that don't touch, and that words can tell apart."""
    apart = max(abs(a.x - b.x), abs(a.y - b.y)) > (a.size + b.size) / 2 + 0.01
    return apart and (a.kind, a.colour) != (b.kind, b.colour)


# A question, its answer, and the shape or the claim that it is about; None where the scene does not lend itself to it.
Found = tuple[str, str, Shape | Wish | None] | None

# -- one function a form of question --------------------------------


def _said(rng: np.random.Generator, word: str, words: dict[str, str]) -> str:
    return pick(rng, words.get(word, word))


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _the(shape: Shape) -> str:
    return f"the {shape.colour} {shape.kind}"


def _unique(rng: np.random.Generator, scene: Scene, trait: str) -> Shape | None:
    """A random shape that alone has its kind or colour."""
    values = [getattr(shape, trait) for shape in scene.shapes]
    alone = [shape for shape in scene.shapes if values.count(getattr(shape, trait)) == 1]
    return choose(rng, alone) if alone else None


def _name(rng: np.random.Generator, scene: Scene, shape: Shape) -> str:
    """Words that single a shape out: its kind if that is enough, sometimes its colour too."""
    kind, colour = _said(rng, shape.kind, KIND_WORDS), _said(rng, shape.colour, COLOUR_WORDS)
    alone = [other.kind for other in scene.shapes].count(shape.kind) == 1
    return kind if alone and rng.random() < 0.7 else f"{colour} {kind}"


def _colour_of(rng: np.random.Generator, scene: Scene) -> Found:
    shape = _unique(rng, scene, "kind")
    if shape is None:
        return None
    kind, c = _said(rng, shape.kind, KIND_WORDS), pick(rng, "color|colour")
    wordings = (
        f"what {c} is the {kind}|what {c} is the {kind}|which {c} is the {kind}|what is the {c} of the {kind}"
        f"|the {kind} is what {c}|tell me the {c} of the {kind}|what's the {c} of the {kind}"
        f"|what {c} does the {kind} have"
    )
    return pick(rng, wordings), shape.colour, shape


def _shape_at(rng: np.random.Generator, scene: Scene) -> Found:
    side = choose(rng, ("left", "right", "top", "bottom"))
    if len(scene.shapes) < 2:
        found = [shape for shape in scene.shapes if side in shape.place.split()]
    else:
        towards = {"top": "above", "bottom": "below"}.get(side, side)
        a, b = scene.shapes
        found = [shape for shape, other in ((a, b), (b, a)) if stands(shape, towards, other)]
    if len(found) != 1:
        return None
    where = f"at the {side}" if side in ("top", "bottom") else f"on the {side}"
    asked = (
        f"what shape is {where}|which shape is {where}|what is {where}|what do you see {where}"
        f"|what kind of shape is {where}"
    )
    return pick(rng, asked), _a(f"{found[0].colour} {found[0].kind}"), found[0]


def _background(rng: np.random.Generator, scene: Scene) -> Found:
    c = pick(rng, "color|colour")
    wordings = (
        f"what is the background {c}|what is the background {c}|what {c} is the background|which {c} is the background"
        f"|what's the {c} of the background|what is the {c} of the background|what is the background|background {c}"
    )
    return pick(rng, wordings), scene.background, None


def _count(rng: np.random.Generator, scene: Scene) -> Found:
    if rng.random() < 0.3:
        kind = choose(rng, [*KINDS, *(shape.kind for shape in scene.shapes for _ in KINDS)])
        count = [shape.kind for shape in scene.shapes].count(kind)
        return f"how many {pick(rng, PLURALS[kind])} {pick(rng, 'are there|do you see')}", COUNT_ANSWERS[count], None
    wordings = (
        "how many shapes are there|how many shapes are there|how many shapes|how many shapes do you see"
        "|count the shapes|how many objects are there|how many objects do you see|how many things are there"
        "|how many shapes can you see|how many objects are in the picture|how many shapes are in the image"
        "|how many shapes are in this picture"
    )
    return pick(rng, wordings), COUNT_ANSWERS[len(scene.shapes)], None


def _exists(rng: np.random.Generator, scene: Scene) -> Found:
    kinds = {shape.kind for shape in scene.shapes}
    there = bool(kinds) and rng.random() < 0.5
    kind = choose(rng, [kind for kind in KINDS if (kind in kinds) == there])
    word = _said(rng, kind, KIND_WORDS)
    colours = [shape.colour for shape in scene.shapes if shape.kind == kind] if there else list(COLOURS)
    if rng.random() < 0.3:
        word = f"{_said(rng, choose(rng, colours), COLOUR_WORDS)} {word}"
    wordings = (
        f"is there a {word}|is there a {word}|is there any {word}|do you see a {word}|can you see a {word}"
        f"|is there a {word} in the picture|does the image have a {word}|is a {word} in this image"
    )
    return pick(rng, wordings), "yes" if there else "no", None


def _where(rng: np.random.Generator, scene: Scene) -> Found:
    if not scene.shapes:
        return None
    shape = choose(rng, scene.shapes)
    name = _name(rng, scene, shape)
    wordings = (
        f"where is the {name}|where is the {name}|where's the {name}|in which part of the picture is the {name}"
        f"|where do you see the {name}|where is the {name} in the image|tell me where the {name} is"
    )
    return pick(rng, wordings), PLACE_ANSWERS[shape.place], shape


def _relation(rng: np.random.Generator, scene: Scene) -> Found:
    if len(scene.shapes) < 2:
        return None
    a, b = (scene.shapes[i] for i in rng.permutation(2))
    true = relation(a, b)
    if true is None:
        return None
    asked = true if rng.random() < 0.5 else OPPOSITE[true]
    words = {"left": "to the left of|left of", "right": "to the right of|right of", "below": "below|under"}
    said = _said(rng, asked, words)
    return f"is the {_name(rng, scene, a)} {said} the {_name(rng, scene, b)}", "yes" if asked == true else "no", a


def _kind_of(rng: np.random.Generator, scene: Scene) -> Found:
    shape = _unique(rng, scene, "colour")
    if shape is None:
        return None
    colour = _said(rng, shape.colour, COLOUR_WORDS)
    wordings = (
        f"what is the {colour} shape|what is the {colour} shape|what shape is {colour}|which shape is {colour}"
        f"|what is the {colour} one|what kind of shape is the {colour} one|what's the {colour} shape"
    )
    return pick(rng, wordings), _a(shape.kind), shape


def _larger(rng: np.random.Generator, scene: Scene) -> Found:
    if len(scene.shapes) < 2:
        return None
    small, large = sorted(scene.shapes, key=lambda shape: shape.size)
    if large.size < LARGER * small.size:
        return None
    names = [_name(rng, scene, scene.shapes[i]) for i in rng.permutation(2)]
    either = f", the {names[0]} or the {names[1]}" if rng.random() < 0.35 and names[0] != names[1] else ""
    if either:
        wanted = choose(rng, (large, small))
        words = "bigger|larger|bigger|larger" if wanted is large else "smaller|smaller"
        return f"which {pick(rng, 'is|is|one is|shape is')} {pick(rng, words)}{either}", _the(wanted), wanted
    if rng.random() < 0.65:
        wordings = (
            "which is larger|which is larger|which is bigger|which one is larger|which shape is larger"
            "|which shape is bigger|which is the larger shape|what is the largest shape|which one is bigger"
            "|which is the biggest shape"
        )
        return pick(rng, wordings), _the(large), large
    wordings = "which is smaller|which one is smaller|which shape is smaller|what is the smallest shape"
    return pick(rng, wordings), _the(small), small


def _neighbour(rng: np.random.Generator, scene: Scene) -> Found:
    """What stands on one side of a shape; nothing, if it is asked of the wrong side."""
    if len(scene.shapes) < 2:
        return None
    shape, other = (scene.shapes[i] for i in rng.permutation(2))
    true = relation(other, shape)
    if true is None:
        return None
    asked = true if rng.random() < 0.75 else choose(rng, [one for one in RELATIONS if one != true])
    words = {
        "left": "left of|to the left of|on the left of",
        "right": "right of|to the right of|on the right of",
        "above": "above|above|over",
        "below": "below|below|under|underneath|beneath",
    }
    name = _name(rng, scene, shape)
    wordings = pick(rng, "what is|what is|what's|which shape is|what shape is|what do you see|what stands")
    there = stands(other, asked, shape)
    return (
        f"{wordings} {pick(rng, words[asked])} the {name}",
        _a(f"{other.colour} {other.kind}") if there else "nothing",
        other if there else None,
    )


def _is_it(rng: np.random.Generator, scene: Scene) -> Found:
    """Whether a shape has a colour, or is of a kind."""
    shape = choose(rng, scene.shapes) if scene.shapes else None
    if shape is None:
        return None
    yes = rng.random() < 0.5
    if rng.random() < 0.6:
        colour = shape.colour if yes else choose(rng, [one for one in COLOURS if one != shape.colour])
        which = _unique(rng, scene, "kind") if len(scene.shapes) > 1 else shape
        if which is None:
            return None
        alone = "it|it|the shape|" if len(scene.shapes) == 1 else ""
        name = pick(rng, f"{alone}the {_said(rng, which.kind, KIND_WORDS)}")
        colour = which.colour if yes else colour
        return f"is {name} {_said(rng, colour, COLOUR_WORDS)}", "yes" if colour == which.colour else "no", which
    if len(scene.shapes) > 1:
        return None
    kind = shape.kind if yes else choose(rng, [one for one in KINDS if one != shape.kind])
    asked = f"is {pick(rng, 'it|it|this|the shape')} a {_said(rng, kind, KIND_WORDS)}"
    return asked, "yes" if yes else "no", shape


def _shows(rng: np.random.Generator, scene: Scene) -> Found:
    """Whether the picture is what a prompt asks for."""
    wish, true = claim(rng, scene)
    said = told(rng, wish) if rng.random() < 0.7 else word(rng, wish, slips=0.0)
    asked = pick(
        rng,
        "does this picture show|does this picture show|does this picture show|does this picture show"
        "|does the picture show|does this image show|is this a picture of|does it show",
    )
    return f"{asked} {said.rstrip(' .!?')}", "yes" if true else "no", wish


def _describe(rng: np.random.Generator, scene: Scene) -> Found:
    wordings = (
        "describe this image|describe this image|describe the picture|describe this picture|describe the image"
        "|what is in this image|what do you see|what is in the picture|what can you see|describe this|describe it"
        "|what is this|what is shown here|what is drawn here|please describe the image|can you describe this picture"
        "|describe this drawing|tell me what you see|what's in this picture"
    )
    return pick(rng, wordings), describe(scene), None


def describe(scene: Scene) -> str:
    """Name every shape with size, colour and place, top left first, and the background."""
    shapes = sorted(scene.shapes, key=lambda shape: (shape.y, shape.x))
    named = [f"a {shape.size_name} {shape.colour} {shape.kind} {PLACE_ANSWERS[shape.place]}" for shape in shapes]
    return f"{' and '.join(named) or 'nothing'}, on {_a(scene.background)} background."


FORMS: dict[str, Callable[[np.random.Generator, Scene], Found]] = {
    "colour": _colour_of,
    "shape at": _shape_at,
    "background": _background,
    "count": _count,
    "exists": _exists,
    "where": _where,
    "relation": _relation,
    "kind": _kind_of,
    "larger": _larger,
    "neighbour": _neighbour,
    "is it": _is_it,
    "shows": _shows,
    "describe": _describe,
}
