"""How people word a wish: `word` turns a Wish into one of very many prompts."""

import numpy as np

from model.demo.wishes import Item, Wish
from model.demo.world import COLOURS, OPPOSITE, choose

KIND_WORDS = {
    "circle": "circle|circle|circle|circle|disc|disk|round shape",
    "square": "square|square|square|square|box",
    "triangle": "triangle",
    "diamond": "diamond|diamond|diamond|rhombus|lozenge",
    "star": "star|star|star|star|five-pointed star",
    "cross": "cross|cross|cross|plus|plus sign",
}
PLURALS = {
    "circle": "circles|circles|circles|circles|discs|disks|round shapes",
    "square": "squares|squares|squares|boxes",
    "triangle": "triangles",
    "diamond": "diamonds|diamonds|diamonds|rhombuses|lozenges",
    "star": "stars|stars|stars|five-pointed stars",
    "cross": "crosses|crosses|crosses|plus signs",
}
ANY_KIND, ANY_KINDS = "shape|shape|shape|object|thing|figure", "shapes|shapes|objects|things|figures"
SIZE_WORDS = {
    "small": "small|small|small|little|tiny|mini",
    "medium": "medium|medium|medium-sized|medium sized|middle-sized|average",
    "large": "large|large|big|big|huge|giant",
}
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
    "|a picture with|an image with|a picture showing|an image showing|there are|something like"
    "|there is|just|imagine|a photo of|now draw|please show me|can i have|can i get|please create|i need"
)
CLOSINGS = "|||||.|.|.|!|!!| please|, please|, please.| thanks|, thank you| :)|...| please!|?"
GROUND = "background|background|background|background|backdrop|field|surface|canvas|ground|page"
AND_WORDS = "and|and|and|and|with|plus|&|together with|as well as|,|, and|and also|next to|next to|beside|near|by"
TWO = "two|two|two|two|2|a pair of|a couple of"
SLIPS = 0.04  # the share of prompts with one letter wrong
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def pick(rng: np.random.Generator, words: str) -> str:
    """Pick one of the alternatives in "a|b|c"."""
    return choose(rng, words.split("|"))


def word(rng: np.random.Generator, wish: Wish, *, slips: float = SLIPS, bare: float = 0.0) -> str:
    """Put a wish into words, in one of many wordings, orders, spellings and punctuations.

    `slips` is the share with a letter of one word wrong, `bare` that which is sure to have no courtesies.
    """
    if bare and rng.random() < bare:
        said = told(rng, wish)
    else:
        said = " ".join(f"{pick(rng, OPENINGS)} {told(rng, wish)}{pick(rng, CLOSINGS)}".split())
    return slipped(rng, said) if rng.random() < slips else said


def told(rng: np.random.Generator, wish: Wish) -> str:
    """What a wish is for, without the courtesies: "a red circle on white"."""
    body, ground = _items(rng, wish), _ground(rng, wish.background)
    if ground:
        order = rng.random()
        if order < 0.6:
            body = f"{body} {pick(rng, 'on|on|on|on|on|against|over|with|in front of|upon')} {ground}"
        elif order < 0.75:
            body = f"{body}{pick(rng, ', |, |. |; | - |, and ')}{_bare_ground(rng, wish.background)}"
        elif order < 0.83:
            body = f"{pick(rng, 'on|on|against|over')} {ground}{pick(rng, ', | |: ')}{body}"
        elif order < 0.9:
            body = f"{ground}{pick(rng, ' with | with |, |: ')}{body}"
        else:
            clause = f"the background {pick(rng, 'is|is|should be')} {_colour(rng, wish.background)}"
            if order < 0.95:
                body = f"{body}{pick(rng, ', |. |, and ')}{clause}"
            else:
                body = f"{clause}{pick(rng, ', |. |, and | and ')}{pick(rng, 'there is |there is |||draw ')}{body}"
    return body


def slipped(rng: np.random.Generator, text: str) -> str:
    """The text with one letter of one of the world's words left out, doubled, swapped with the next, or wrong."""
    words = text.split()
    long = [i for i, one in enumerate(words) if len(one) > 3 and one.isalpha() and one.lower() in SLIPPERY]
    if not long:
        return text
    at = choose(rng, long)
    one, i = words[at], int(rng.integers(len(words[at]) - 1))
    slips = (
        one[:i] + one[i + 1 :],
        one[: i + 1] + one[i:],
        one[:i] + one[i + 1] + one[i] + one[i + 2 :],
        one[:i] + choose(rng, LETTERS) + one[i + 1 :],
    )
    return " ".join([*words[:at], choose(rng, slips), *words[at + 1 :]])


def article(rng: np.random.Generator, noun: str) -> str:
    """Put the article "a" before a noun phrase: "an" where it should be, and most people do."""
    return f"{'an' if noun[:1] in set('aeiou') and rng.random() < 0.9 else 'a'} {noun}"


def _colour(rng: np.random.Generator, colour: str | None) -> str:
    return pick(rng, COLOUR_WORDS.get(colour, colour)) if colour else ""


def _ground(rng: np.random.Generator, background: str | None) -> str:
    """A noun phrase for the background: "a blue background", or "blue" alone."""
    if background is None:
        return ""
    colour = _colour(rng, background)
    if rng.random() < 0.15:
        return colour
    noun = " ".join(filter(None, (pick(rng, "||||plain|solid"), colour, pick(rng, GROUND))))
    kind = pick(rng, "a|a|a|a|the|")
    return article(rng, noun) if kind == "a" else f"{kind} {noun}".strip()


def _bare_ground(rng: np.random.Generator, background: str | None) -> str:
    colour = _colour(rng, background)
    one = article(rng, f"{colour} background")
    return pick(rng, f"{colour} background|{colour} background|{one}|background {colour}|background: {colour}")


def _items(rng: np.random.Generator, wish: Wish) -> str:
    if len(wish.items) == 1:
        return _item(rng, wish.items[0])
    if wish.items[0] == wish.items[1]:
        return _twins(rng, wish.items[0])
    first, second = (_item(rng, item) for item in wish.items)
    if wish.relation is None:
        joint = pick(rng, AND_WORDS)
        return f"{first}{'' if joint.startswith(',') else ' '}{joint} {second}"
    # Whatever the form, shapes are named in the order of the wish: that of the plan.
    said, opposite = (pick(rng, RELATION_WORDS[name]) for name in (wish.relation, OPPOSITE[wish.relation]))
    form = rng.random()
    words = f"{first}{pick(rng, ' | | | | is | that is |, ')}{said} {second}"
    if form < 0.1:
        words = f"{opposite} {first}{pick(rng, ' is | there is |, |, there is ')}{second}"
    elif form < 0.2 and wish.relation in ("left", "right"):
        other = OPPOSITE[wish.relation]
        words = f"{first} on the {wish.relation}{pick(rng, ', | and | with ')}{second} on the {other}"
    elif form < 0.2:
        words = f"{first} with {second} {opposite} it"
    return words


def _twins(rng: np.random.Generator, item: Item) -> str:
    """Two of a kind: "two small red circles"."""
    kinds = pick(rng, PLURALS[item.kind] if item.kind else ANY_KINDS)
    size = pick(rng, SIZE_WORDS[item.size]) if item.size else ""
    form = rng.random()
    if form < 0.15:
        one = _item(rng, item)
        return f"{one} and {pick(rng, 'another one|another|one more|the same again')}"
    colour = _colour(rng, item.colour)
    if form < 0.25 and colour:
        return " ".join(f"{pick(rng, TWO)} {size} {kinds}, {pick(rng, 'both|both|both of them')} {colour}".split())
    return " ".join(f"{pick(rng, TWO)} {size} {colour} {kinds}".split())


def _item(rng: np.random.Generator, item: Item) -> str:
    kind, colour = pick(rng, KIND_WORDS[item.kind] if item.kind else ANY_KIND), _colour(rng, item.colour)
    size = pick(rng, SIZE_WORDS[item.size]) if item.size else ""
    form = rng.random()
    if item.kind is None and form < 0.4:
        words = f"something {size} {colour}" if form < 0.25 else f"{size} {colour}"
    else:
        if colour and form > 0.96:
            noun = f"{size} {kind} {pick(rng, 'in|that is|which is|coloured|colored')} {colour}"
        else:
            colour += pick(rng, "|||||||||||||||-coloured|-colored| coloured") if colour else ""
            noun = f"{size} {colour} {kind}" if rng.random() < 0.94 else f"{colour} {size} {kind}"
        kind = pick(rng, "a|a|a|a|a|a|one|the||")
        words = article(rng, noun.strip()) if kind == "a" else f"{kind} {noun}"
    words = " ".join(words.split())
    if item.place is None:
        return words
    place = pick(rng, PLACE_WORDS[item.place])
    return f"{place}{pick(rng, ' |, ')}{words}" if rng.random() < 0.1 else f"{words}{pick(rng, ' | | | |, ')}{place}"


SLIPPERY = {  # words that a letter may be wrong in
    *COLOURS,
    *(said for words in (*KIND_WORDS.values(), *PLURALS.values()) for said in words.split("|")),
    *(said for words in SIZE_WORDS.values() for said in words.split("|")),
    *["left", "right", "centre", "center", "middle", "bottom", "corner", "background", "above", "below", "under"],
}
