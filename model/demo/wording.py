"""How people word a wish: `word` turns a Wish into one of very many prompts."""

import numpy as np

from model.demo.wishes import Item, Wish
from model.demo.world import choose

KIND_WORDS = {
    "circle": "circle|circle|circle|circle|disc|disk|round shape",
    "square": "square|square|square|square|box",
    "triangle": "triangle",
    "diamond": "diamond|diamond|diamond|rhombus|lozenge",
    "star": "star|star|star|star|five-pointed star",
    "cross": "cross|cross|cross|plus|plus sign",
}
SIZE_WORDS = {"small": "small|small|small|little|tiny|mini", "large": "large|large|big|big|huge|giant"}
COLOUR_WORDS = {"gray": "gray|grey"}
_SIDE = {"left": "left", "right": "right"}
PLACE_WORDS = {
    "centre": "in the centre|in the center|in the middle|at the centre|at the center|in the middle of the picture"
    "|in the centre of the image|centred|centered|in center|right in the middle|middle|center|centre",
    **{
        side: f"on the {side}|on the {side}|on the {side} side|at the {side}|to the {side}|on the {side}-hand side"
        f"|on the {side} hand side|at the {side} edge|on {side}|{side}|{side} side|on the far {side}|in the {side} part"
        for side in _SIDE
    },
    "top": "at the top|at the top|on top|at the top of the picture|near the top|in the upper part|top"
    "|at the upper edge",
    "bottom": "at the bottom|at the bottom|at the bottom of the image|near the bottom|in the lower part|bottom"
    "|on the bottom|at the lower edge",
    **{
        f"{end} {side}": "|".join(
            f"in the {word}{sep}{side} corner|in the {word}{sep}{side} corner|at the {word}{sep}{side}"
            f"|{word}{sep}{side}|{word}{sep}{side} corner|in the {word}{sep}{side}|in {word}{sep}{side} corner"
            for word in words
            for sep in (" ", " ", "-")
        )
        for end, words in (("top", ("top", "top", "upper")), ("bottom", ("bottom", "bottom", "lower")))
        for side in _SIDE
    },
}
RELATION_WORDS = {
    "left": "left of|left of|to the left of|to the left of|on the left of|on the left side of",
    "right": "right of|right of|to the right of|to the right of|on the right of|on the right side of",
    "above": "above|above|above|over|on top of|higher than",
    "below": "below|below|below|under|beneath|underneath|lower than",
}
OPENINGS = (
    "|||||||||draw|draw|draw|draw me|please draw|please paint|paint|paint me|can you draw|could you draw|sketch|make"
    "|make me|create|generate|show|show me|give me|i want|i would like|i'd like|we need|let's have|let's see"
    "|an image of|a picture of|picture of|image of|a drawing of|drawing of|a painting of|draw a picture of"
    "|please make a picture of|create an image of|generate an image of|a simple picture of|an illustration of"
    "|there is|just|imagine|a photo of|now draw|please show me|can i have|can i get|please create|i need"
)
CLOSINGS = "|||||.|.|.|!|!!| please|, please|, please.| thanks|, thank you| :)|...| please!|?"
GROUND = "background|background|background|background|backdrop|field|surface|canvas|ground|page"
AND_WORDS = "and|and|and|and|with|plus|&|together with|as well as|,|, and|and also"


def pick(rng: np.random.Generator, words: str) -> str:
    """Pick one of the alternatives in "a|b|c"."""
    return choose(rng, words.split("|"))


def word(rng: np.random.Generator, wish: Wish) -> str:
    """Put a wish into words, in one of many wordings, orders, spellings and punctuations."""
    body, ground = _items(rng, wish), _ground(rng, wish.background)
    if ground:
        order = rng.random()
        if order < 0.62:
            body = f"{body} {pick(rng, 'on|on|on|on|on|against|over|with|in front of|upon')} {ground}"
        elif order < 0.78:
            body = f"{body}{pick(rng, ', |, |. |; | - |, and ')}{_bare_ground(rng, wish.background)}"
        elif order < 0.86:
            body = f"{pick(rng, 'on|on|against|over')} {ground}{pick(rng, ', | |: ')}{body}"
        elif order < 0.93:
            body = f"{ground}{pick(rng, ' with | with |, |: ')}{body}"
        else:
            verb = pick(rng, "is|is|should be")
            body = f"{body}{pick(rng, ', |. |, and ')}the background {verb} {_colour(rng, wish.background)}"
    opening, closing = pick(rng, OPENINGS), pick(rng, CLOSINGS)
    return f"{opening} {body}{closing}".strip()


def _colour(rng: np.random.Generator, colour: str | None) -> str:
    return pick(rng, COLOUR_WORDS.get(colour, colour)) if colour else ""


def _ground(rng: np.random.Generator, background: str | None) -> str:
    """A noun phrase for the background: "a blue background", or "blue" alone."""
    if background is None:
        return ""
    colour = _colour(rng, background)
    if rng.random() < 0.15:
        return colour
    return " ".join(filter(None, (pick(rng, "a|a|a|a|the|"), pick(rng, "||||plain|solid"), colour, pick(rng, GROUND))))


def _bare_ground(rng: np.random.Generator, background: str | None) -> str:
    colour = _colour(rng, background)
    return pick(
        rng, f"{colour} background|{colour} background|a {colour} background|background {colour}|background: {colour}"
    )


def _items(rng: np.random.Generator, wish: Wish) -> str:
    if len(wish.items) == 1:
        return _item(rng, wish.items[0])
    first, second = (_item(rng, item) for item in wish.items)
    if wish.relation is None:
        joint = pick(rng, AND_WORDS)
        return f"{first}{'' if joint.startswith(',') else ' '}{joint} {second}"
    relation = pick(rng, RELATION_WORDS[wish.relation])
    form = rng.random()
    if form < 0.1:
        return f"{relation} {second}{pick(rng, ' is | there is |, |, there is ')}{first}"
    if form < 0.2 and wish.relation in ("left", "right"):
        other = "right" if wish.relation == "left" else "left"
        return f"{first} on the {wish.relation}{pick(rng, ', | and | with ')}{second} on the {other}"
    if form < 0.2:
        return f"{second} with {first} {relation} it"
    return f"{first}{pick(rng, ' | | | | is | that is |, ')}{relation} {second}"


def _item(rng: np.random.Generator, item: Item) -> str:
    article = pick(rng, "a|a|a|a|a|a|one|the||")
    kind, colour = pick(rng, KIND_WORDS[item.kind]), _colour(rng, item.colour)
    size = pick(rng, SIZE_WORDS[item.size]) if item.size else ""
    if colour and rng.random() < 0.04:
        noun = f"{size} {kind} {pick(rng, 'in|that is|coloured|colored')} {colour}"
    else:
        colour += pick(rng, "|||||||||||||||-coloured|-colored| coloured") if colour else ""
        noun = f"{size} {colour} {kind}" if rng.random() < 0.94 else f"{colour} {size} {kind}"
    words = " ".join(f"{article} {noun}".split())
    if article == "a" and words[2] in "aeiou" and rng.random() < 0.9:
        words = f"an{words[1:]}"
    if item.place is None:
        return words
    place = pick(rng, PLACE_WORDS[item.place])
    return f"{place}{pick(rng, ' |, ')}{words}" if rng.random() < 0.1 else f"{words}{pick(rng, ' | | | |, ')}{place}"
