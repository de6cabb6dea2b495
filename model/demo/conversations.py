"""Conversations about pictures: questions of several forms about one picture, or about two."""

from dataclasses import dataclass

import numpy as np

from model.demo.claims import claim, faults, glimpsed
from model.demo.questions import FORMS
from model.demo.wishes import Wish
from model.demo.wording import SLIPS, pick, slipped, told
from model.demo.world import Scene, Shape

DESCRIBED_LAST = 0.75  # the share of conversations
SHOWN_AGAIN = 0.6  # likewise
DISPUTABLE = ("where", "describe", "shape at", "relation", "neighbour")  # forms that want a clear scene
ONE_OF_TWO = 0.65  # the share of questions about one of two pictures alone
FIGURES = (
    "in the first picture|in the first image|in picture 1|in figure 1|in the first one",
    "in the second picture|in the second image|in picture 2|in figure 2|in the second one",
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question of one of the FORMS and its right answer."""

    form: str
    question: str
    answer: str
    about: Shape | Wish | None = None  # the one shape that has to be found to answer, or what is claimed


def ask(rng: np.random.Generator, scene: Scene, form: str, *, slips: float = SLIPS) -> Exchange | None:
    """Word a question of one form about a scene, with its answer; None if the scene does not lend itself to it.

    `slips` is the share with a letter of one word wrong.
    """
    found = FORMS[form](rng, scene)
    if found is None:
        return None
    asked, answer, about = found
    asked = slipped(rng, asked) if form != "shows" and rng.random() < slips else asked
    return Exchange(
        form, f"{pick(rng, '||||||||please tell me, |hey, |so ')}{asked}{_ending(rng, asked)}", answer, about
    )


def _ending(rng: np.random.Generator, asked: str) -> str:
    asks = not asked.startswith(("describe", "tell", "count", "please", "background"))
    return pick(rng, "?|?|?|?|?||??") if asks else pick(rng, ".|.||!")


def converse(
    rng: np.random.Generator, scene: Scene, turns: int, *, slips: float = SLIPS, first: str = ""
) -> list[Exchange]:
    """Draw a conversation of different forms of questions about one scene; `first` names one that is sure to come.

    Whether the picture shows what a prompt says is the hardest and mostly asked again and again. A description would
    give every later answer away, so it mostly comes last.
    """
    clear = all(shape.is_clear for shape in scene.shapes)
    forms = [form for form in FORMS if clear or form not in DISPUTABLE]
    order = [form for form in (first,) if form in forms] + [forms[i] for i in rng.permutation(len(forms))]
    found = [exchange for exchange in (ask(rng, scene, form, slips=slips) for form in order) if exchange][:turns]
    if rng.random() < SHOWN_AGAIN:
        again = [ask(rng, scene, "shows") for _ in range(turns // 2)]
        found = [*found[: turns - len(again)], *(exchange for exchange in again if exchange)]
    return sorted(found, key=lambda one: one.form == "describe") if rng.random() < DESCRIBED_LAST else found


def compare(
    rng: np.random.Generator,
    scenes: tuple[Scene, Scene],
    turns: int,
    *,
    one_of_two: float = ONE_OF_TWO,
    glimpses: float = 0.0,
) -> list[Exchange]:
    """Draw a conversation about two pictures: about one of them, or which of them shows something.

    A picture that shows something may show more. `glimpses` is the share in which that is a shape, and no more is said.
    """
    found: list[Exchange] = []
    while len(found) < turns:
        if rng.random() < one_of_two:
            at = int(rng.integers(2))
            one = FORMS[pick(rng, "|".join(FORMS))](rng, scenes[at])
            if one is None or one[0].startswith("does"):
                continue
            question, answer, about = one
            figure = pick(rng, FIGURES[at])
            for whole in ("in the picture", "in this picture", "in the image", "in this image"):
                question = question.replace(f" {whole}", "")
            question = f"{figure}, {question}" if rng.random() < 0.2 else f"{question} {figure}"
            found.append(Exchange("one of two", question + _ending(rng, question), answer, about))
        else:
            scene, true = scenes[int(rng.integers(2))], bool(rng.random() < 0.85)
            wish = glimpsed(rng, scene) if glimpses and rng.random() < glimpses else claim(rng, scene, true=true)[0]
            if wish.items[0].kind is None and wish.items[0].colour in {one.background for one in scenes}:
                continue  # "which picture shows white?"
            shown = [not any(faults(wish, one, whole=False)) for one in scenes]
            answer = {(True, False): "the first", (False, True): "the second", (True, True): "both"}.get(
                (shown[0], shown[1]), "neither"
            )
            asked = pick(rng, "which picture shows|which one shows|which image shows|which of them shows|in which is")
            found.append(Exchange("which of two", f"{asked} {told(rng, wish)}?", answer, wish))
    return found
