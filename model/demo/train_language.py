"""The language model, on drawings and conversations together: how Janus-Pro is trained, in small.

A drawing is its prompt followed by 144 image tokens, and the loss is the cross-entropy of the tokens as they will be
sampled: guided. With c the logits after the prompt and u those after its blank (every token between the first and
begin-of-image replaced by padding, as inference does), the loss is taken on u + w (c - u) for random w. So guidance
does not overshoot at sampling: what it makes likely is what was trained. A little plain cross-entropy on u keeps it a
model of pictures, as classifier-free guidance (Ho & Salimans, 2022) needs it.

The words of a prompt decide the first row alone, and a causal model's loss there needs nothing after it. So most
drawings are sketches, cut off after their plan: a sixth of the price, for the part that is hard to learn. Cheaper still
are prompts that are only read: what they mean is asked of the state half-way up at their last token (`readout`).

A conversation is a picture's 144 patches and a few questions with answers, and the loss is on the answers. The vision
tower was trained before and stands still. Conversations come in later, when drawings are well on their way.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, rms_norm
from transformers import JanusForConditionalGeneration, PreTrainedTokenizerFast

from model.demo.codes import AT, BACKGROUND, BLOCKS, CELLS, GRID, POSITIONS, block_cell, encode
from model.demo.conversations import Exchange, compare, converse
from model.demo.network import COLOUR_PARTS, SIDE
from model.demo.optimiser import optimisers
from model.demo.photos import photograph
from model.demo.questions import draw_scene
from model.demo.readout import SCENE, TRAITS, WISH, Readout, contents, meaning, traits
from model.demo.talks import NO_LOSS, Talk, known, padded, written
from model.demo.wishes import Wish, draw_example
from model.demo.wording import word
from model.demo.world import COLOURS, KINDS, Scene
from model.network.pixels import preprocess
from model.weights.prompts import Prompts

GUIDANCE = (2.0, 8.0)  # the range of w
PLAIN = 0.03  # the share of the training before guidance comes in: at first it only amplifies noise
DRAWING = 0.33  # the share of the training before conversations come in
UNTOLD = 0.1  # weight of the loss on u alone
BEGINS = 8.0  # weight of a block's first cell, which has to find its shape in the plan; the others copy from it
NOTED = 3.0  # weight of the background's counts, which lead there
PAINTED = 0.4  # weight of what follows the plan: many tokens, and most of them easy
SKETCH = GRID  # tokens of a sketch
DERAILED = 3  # stretches of a drawing that are given wrong
SNAPPED = 0.35  # the share of conversations about pictures as the model draws them, on its own grid
TURNS = 6  # questions of a conversation
MIDDLE = 3  # layers after which readouts look, so that later layers can use what was read


def code_losses(logits: Tensor, codes: Tensor) -> Tensor:
    """Cross-entropy of codes, (...), from their logits in parts, (..., 20 + CELLS)."""
    colour, cell = torch.split(logits.float(), [COLOUR_PARTS, CELLS], dim=-1)
    ground, shape = (
        colours.logsumexp(-1) + cells.logsumexp(-1)
        for colours, cells in (
            (colour[..., : len(COLOURS)], cell[..., :BACKGROUND]),
            (colour[..., len(COLOURS) :], cell[..., BACKGROUND:]),
        )
    )
    which = codes % CELLS
    its_colour = codes // CELLS + len(COLOURS) * (which >= BACKGROUND)
    told = colour.gather(-1, its_colour[..., None]) + cell.gather(-1, which[..., None])
    return torch.logaddexp(ground, shape) - told.squeeze(-1)


def derailed(rng: np.random.Generator, codes: np.ndarray) -> np.ndarray:
    """Codes as a drawing that went wrong might have them: stretches below the plan with wrong cells or colour.

    They are what is given, never what is asked for. A wrong token happens among 144 that are sampled, and a model that
    has seen only right ones goes on from the wrong place.
    """
    codes = codes.copy()
    for _ in range(DERAILED):
        start, length = rng.integers(GRID, POSITIONS), rng.integers(1, 9)
        stretch = codes[start : start + length]
        colour, cell = np.divmod(stretch, CELLS)
        cell = np.where(cell < GRID, (cell + rng.integers(GRID)) % GRID, cell)
        if rng.random() < 0.2:
            colour = np.where(cell < GRID, rng.integers(len(COLOURS)), colour)
        stretch[:] = colour * CELLS + cell
    return codes


@dataclass(frozen=True)
class Example:
    """A prompt: what it means, its ids, and codes that grant it, (144,)."""

    wish: Wish
    ids: list[int]
    codes: np.ndarray


@dataclass(frozen=True)
class Batch:
    """How much of everything one step holds."""

    prompts: int  # that are read, but not drawn
    sketches: int
    drawings: int
    talks: int  # conversations about one picture
    pairs: int  # and about two


ALONE = Batch(prompts=16, sketches=24, drawings=4, talks=0, pairs=0)  # at first
TOGETHER = Batch(prompts=16, sketches=12, drawings=4, talks=7, pairs=1)  # later


class LanguageStage:
    """Drawings, and after a while drawings and conversations in one step."""

    name = "language"
    plain = PLAIN
    open_colours = 0.03  # the share of shapes whose colour is not said
    bare = 0.0  # the share of drawings that are sure to be asked for without courtesies
    named = 0.0  # the share of drawings of which nothing is said but a shape's name

    def __init__(
        self,
        model: JanusForConditionalGeneration,
        prompts: Prompts,
        tokenizer: PreTrainedTokenizerFast,
        batches: tuple[Batch, Batch] = (ALONE, TOGETHER),
    ) -> None:
        self.model, self.prompts, self.tokenizer, self.batches = model, prompts, tokenizer, batches
        self.firsts = torch.tensor([block_cell(kind, size) for kind in KINDS for size in BLOCKS])
        janus = model.model
        readouts = [Readout(model.config.text_config.hidden_size, fields) for fields in (SCENE, WISH, TRAITS)]
        self.scene, self.wish, self.traits = readouts
        drawing = (janus.generation_embeddings, janus.generation_aligner, janus.generation_head)
        self.network: nn.Module = nn.ModuleList(
            [janus.language_model, model.lm_head, *drawing, janus.aligner, *readouts]
        )
        self.optimisers = optimisers(self.network, lr=1.5e-3, muon_lr=0.01)

    def losses(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """The losses of all parts."""
        batch, guided = self.batches[done >= DRAWING], done >= self.plain
        sketches = sorted(self.examples(rng, batch.sketches), key=lambda one: len(one.ids))
        lots = (sketches[: len(sketches) // 2], sketches[len(sketches) // 2 :])  # of like length: little padding
        plans, wishes = zip(*(self.drawing_losses(rng, lot, SKETCH, guided=guided) for lot in lots), strict=True)
        whole, wish = self.drawing_losses(rng, self.examples(rng, batch.drawings), POSITIONS, guided=guided)
        losses = {
            "plan": torch.cat([*plans, whole[:, :SKETCH]]).sum(1).mean(),
            "painted": PAINTED * whole[:, SKETCH:].sum(1).mean(),
            "wish": torch.stack([wish, *wishes, self.prompt_losses(self.examples(rng, batch.prompts))]).mean(),
        }
        talks = [self.alone(rng) for _ in range(batch.talks)] + [self.compared(rng) for _ in range(batch.pairs)]
        return losses | (self.talk_losses(rng, talks) if talks else {})

    # -- drawings -----------------------------------------------------------------------------------------------------

    def examples(self, rng: np.random.Generator, count: int) -> list[Example]:
        """Random prompts and drawings."""
        drawn = (draw_example(rng, pairs=0.6, open_colours=self.open_colours, named=self.named) for _ in range(count))
        return [
            Example(wish, self.prompts.drawing(word(rng, wish, bare=self.bare)), encode(scene)) for wish, scene in drawn
        ]

    def drawing_losses(
        self, rng: np.random.Generator, examples: list[Example], length: int, *, guided: bool
    ) -> tuple[Tensor, Tensor]:
        """The losses (n, length) of the first `length` codes of n drawings, on guided logits or on plain ones.

        And the loss of what each prompt means, read at its last token.
        """
        prompts = [one.ids for one in examples]
        images = torch.from_numpy(np.stack([one.codes for one in examples]))[:, :length]
        given = torch.from_numpy(np.stack([derailed(rng, one.codes) for one in examples]))[:, : length - 1]
        against, untold_weight = self.against(rng, examples)
        hidden, middle = self.image_states(against + prompts, given.repeat(2, 1))
        untold, told = self.model.model.generation_head(hidden).float().chunk(2)
        alone = code_losses(untold, images)
        cells = images % CELLS
        noted = (cells >= AT["rest"]) & (cells < BACKGROUND)
        weight = 1 + (BEGINS - 1) * torch.isin(cells, self.firsts) + (NOTED - 1) * noted
        if guided:
            w = torch.from_numpy(rng.uniform(*GUIDANCE, (len(examples), 1, 1)).astype(np.float32))
            told = untold + w * (told - untold)
        losses: Tensor = weight * (code_losses(told, images) + untold_weight * alone)
        wish = self.wish.loss(middle[len(examples) :], torch.tensor([meaning(one.wish) for one in examples]))
        return losses, wish

    def against(self, rng: np.random.Generator, examples: list[Example]) -> tuple[list[list[int]], Tensor]:
        """What guidance leads away from, for each example: its blank. And the weights (n, 1) of the loss on that."""
        return [self.prompts.unconditional(len(one.ids)) for one in examples], torch.full((len(examples), 1), UNTOLD)

    def prompt_losses(self, examples: list[Example]) -> Tensor:
        """The loss of what prompts mean, with no drawing: cheap, and a lot of wordings."""
        ids = [one.ids for one in examples]
        out = self.model.model.language_model(padded(ids, self.prompts.pad), use_cache=False, output_hidden_states=True)
        last = out.hidden_states[MIDDLE][torch.arange(len(ids)), torch.tensor([*map(len, ids)]) - 1]
        middle = rms_norm(last, last.shape[1:]).float()
        return self.wish.loss(middle, torch.tensor([meaning(one.wish) for one in examples]))

    def image_states(self, prompts: list[list[int]], given: Tensor) -> tuple[Tensor, Tensor]:
        """The states (batch, n, width) that predict n image tokens after the prompts, the first n - 1 being given.

        And those half-way up, of the prompts' last tokens alone, normed: (batch, width).
        """
        janus, count = self.model.model, given.shape[1]
        lengths = torch.tensor([len(ids) for ids in prompts])
        ids = padded([row + [self.prompts.pad] * count for row in prompts], self.prompts.pad)
        embeddings = janus.language_model.embed_tokens(ids)
        rows, places = torch.arange(len(prompts))[:, None], lengths[:, None] + torch.arange(count + 1)
        drawn = self.model.prepare_embeddings_for_image_generation(given)
        embeddings = embeddings.index_put((rows, places[:, :-1]), drawn.to(embeddings.dtype))
        out = janus.language_model(inputs_embeds=embeddings, use_cache=False, output_hidden_states=True)
        middle = rms_norm(out.hidden_states[MIDDLE][rows[:, 0], lengths - 1], embeddings.shape[2:]).float()
        hidden: Tensor = out.last_hidden_state[rows, places - 1]
        return hidden, middle

    # -- conversations ------------------------------------------------------------------------------------------------

    def alone(self, rng: np.random.Generator) -> Talk:
        """A conversation about one picture."""
        scene = draw_example(rng, pairs=0.6)[1] if rng.random() < SNAPPED else draw_scene(rng)
        return written((scene,), self.about_one(rng, scene), self.prompts, self.tokenizer)

    def compared(self, rng: np.random.Generator) -> Talk:
        """A conversation about two pictures."""
        scenes = draw_scene(rng), draw_scene(rng)
        return written(scenes, self.about_two(rng, scenes), self.prompts, self.tokenizer)

    def about_one(self, rng: np.random.Generator, scene: Scene) -> list[Exchange]:
        """What is said about one picture."""
        return converse(rng, scene, TURNS)

    def about_two(self, rng: np.random.Generator, scenes: tuple[Scene, Scene]) -> list[Exchange]:
        """What is said about two."""
        return compare(rng, scenes, TURNS)

    def talk_losses(self, rng: np.random.Generator, talks: list[Talk]) -> dict[str, Tensor]:
        """Cross-entropy of the answers in conversations about pictures, and of what readouts find.

        That is the scene, at all tokens of its picture and at all that follow if there is no other, and the traits of
        the shape that a question is about.
        """
        scenes = [scene for talk in talks for scene in talk.scenes]
        pixels = torch.stack([preprocess(photograph(rng, scene), SIDE) for scene in scenes])
        ids = padded([talk.ids for talk in talks], self.prompts.pad)
        labels = padded([talk.labels for talk in talks], NO_LOSS)[:, 1:]
        janus = self.model.model
        with torch.no_grad():
            patches = janus.vision_model(pixels).last_hidden_state
        seen = janus.aligner(patches).flatten(0, 1)
        embeddings = janus.language_model.embed_tokens(ids)
        places = (ids == self.prompts.placeholder).nonzero(as_tuple=True)
        embeddings = embeddings.index_put(places, seen.to(embeddings.dtype))
        out = janus.language_model(inputs_embeds=embeddings, use_cache=False, output_hidden_states=True)
        answered = labels != NO_LOSS
        logits = self.model.lm_head(out.last_hidden_state[:, :-1][answered])
        middle, later = (rms_norm(out.hidden_states[depth], embeddings.shape[2:]) for depth in (MIDDLE, MIDDLE + 1))
        shown, whose = known(ids, talks, self.prompts)
        scene = self.scene.loss(middle[shown].float(), torch.tensor([*map(contents, scenes)])[whose])
        losses = {"answers": 10 * cross_entropy(logits.float(), labels[answered]), "scene": 0.5 * scene}
        found = [(row, at, traits(shape)) for row, talk in enumerate(talks) for at, shape in talk.about]
        if found:
            rows, places, what = zip(*found, strict=True)
            losses["traits"] = self.traits.loss(later[list(rows), list(places)].float(), torch.tensor(what))
        return losses | self.claim_losses(middle, out.last_hidden_state, talks)

    def claim_losses(self, middle: Tensor, last: Tensor, talks: list[Talk]) -> dict[str, Tensor]:
        """What is asked of the states half-way up and of the last, (talks, length, width), where a claim is judged."""
        return {}
