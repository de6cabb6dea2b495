"""The language model, on drawings and conversations together: how Janus-Pro is trained, in small.

A drawing is its prompt followed by 144 image tokens, and the loss is the cross-entropy of the tokens as they will be
sampled: guided. With c the logits after the prompt and u those after its blank (every token between the first and
begin-of-image replaced by padding, as inference does), the loss is taken on u + w (c - u) for random w. So guidance
does not overshoot at sampling: how likely it makes a shape begin here is what was trained. A little plain
cross-entropy on u keeps it a model of pictures, as classifier-free guidance (Ho & Salimans, 2022) needs it.

A conversation is a picture's 144 patches and a few questions with answers, and the loss is on the answers. Both, and
prompts alone, also train the readouts of `readout`.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax, rms_norm
from transformers import JanusForConditionalGeneration, PreTrainedTokenizerFast

from model.demo.codes import BLOCKS, CELLS, POSITIONS, block_cell, encode
from model.demo.network import COLOUR_PARTS, SIDE
from model.demo.optimiser import optimisers
from model.demo.photos import photograph
from model.demo.questions import Exchange, converse, draw_scene
from model.demo.readout import NEXT, PLAN, SCENE, Readout, contents, following, plan
from model.demo.wishes import draw_example
from model.demo.wording import word
from model.demo.world import COLOURS, KINDS
from model.pictures import preprocess
from model.prompts import Prompts
from model.requests import Turn

GUIDANCE = (3.0, 7.0)  # the range of w
PLAIN = 0.4  # the share of the steps before guidance comes in
DECISION = 5.0  # weight of what begins, and of the background's colour
RULE = 1.0  # weight of colours and cells that follow from what is drawn already
DERAILED = 3  # stretches of a drawing that are given wrong
NO_LOSS = -100
MIDDLE = 3  # layers after which the readouts look, so that later layers can use what was read


def padded(rows: list[list[int]], fill: int) -> Tensor:
    """Rows of different lengths as one int64 tensor. Padding at the end needs no mask: attention is causal."""
    width = max(map(len, rows))
    return torch.tensor([row + [fill] * (width - len(row)) for row in rows])


@dataclass(frozen=True)
class Targets:
    """The codes to predict, (batch, 144), in parts, and how much each decision counts."""

    in_shape: Tensor  # bool
    colour: Tensor  # row of the colour part
    cell: Tensor
    weight: Tensor  # of colour and cell

    @staticmethod
    def of(codes: Tensor) -> "Targets":
        """Split codes into parts and find the decisions among them."""
        cell = codes % CELLS
        in_shape = cell >= POSITIONS
        begins = torch.isin(cell, torch.tensor([block_cell(kind, size) for kind in KINDS for size in BLOCKS]))
        first_background = ~in_shape & (torch.cumsum(~in_shape, dim=1) == 1)
        weight = torch.where(begins | first_background, DECISION, RULE)
        return Targets(in_shape, codes // CELLS + len(COLOURS) * in_shape, cell, weight)


def code_losses(logits: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Cross-entropy of codes from parts of logits (batch, 144, 464): background or shape, and which; per picture."""
    colour, cell = torch.split(logits, [COLOUR_PARTS, CELLS], dim=2)
    parts = (colour[..., : len(COLOURS)], colour[..., len(COLOURS) :], cell[..., :POSITIONS], cell[..., POSITIONS:])
    plain = parts[0].logsumexp(2) + parts[2].logsumexp(2)
    shape = parts[1].logsumexp(2) + parts[3].logsumexp(2)
    kind = nn.functional.binary_cross_entropy_with_logits(shape - plain, targets.in_shape.float(), reduction="none")
    colours = torch.cat((log_softmax(parts[0], 2), log_softmax(parts[1], 2)), 2)
    cells = torch.cat((log_softmax(parts[2], 2), log_softmax(parts[3], 2)), 2)
    which = colours.gather(2, targets.colour[..., None]) + cells.gather(2, targets.cell[..., None])
    return kind.sum(1).mean(), -(targets.weight * which.squeeze(2)).sum(1).mean()


def derailed(rng: np.random.Generator, codes: np.ndarray) -> np.ndarray:
    """Codes as a drawing that went wrong might have them: stretches of background with wrong positions or colour.

    They are what is given, never what is asked for. One wrong token is likely among 144 that are sampled, and a model
    that has seen only right ones goes on from the wrong place.
    """
    codes = codes.copy()
    for _ in range(DERAILED):
        start, length = rng.integers(POSITIONS), rng.integers(1, 9)
        stretch = codes[start : start + length]
        colour, cell = np.divmod(stretch, CELLS)
        cell = np.where(cell < POSITIONS, (cell + rng.integers(POSITIONS)) % POSITIONS, cell)
        if rng.random() < 0.2:
            colour = np.where(cell < POSITIONS, rng.integers(len(COLOURS)), colour)
        stretch[:] = colour * CELLS + cell
    return codes


class LanguageStage:
    """Drawings, wishes read off their prompts, and conversations in one step; the vision tower learns along."""

    name = "language"

    def __init__(
        self,
        model: JanusForConditionalGeneration,
        prompts: Prompts,
        tokenizer: PreTrainedTokenizerFast,
        *,
        drawings: int = 12,
        wishes: int = 24,
        talks: int = 4,
    ) -> None:
        self.model, self.prompts, self.tokenizer = model, prompts, tokenizer
        self.drawings, self.wishes, self.talks = drawings, wishes, talks
        janus, width = model.model, model.config.text_config.hidden_size
        self.plan, self.next, self.scene = (Readout(width, fields) for fields in (PLAN, NEXT, SCENE))
        drawing = (janus.generation_embeddings, janus.generation_aligner, janus.generation_head)
        seeing = (janus.vision_model, janus.aligner)
        readouts = (self.plan, self.next, self.scene)
        self.network: nn.Module = nn.ModuleList([janus.language_model, model.lm_head, *drawing, *seeing, *readouts])
        self.optimisers = optimisers(self.network, lr=2e-3, muon_lr=0.01)

    def losses(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """The losses of all parts. Guidance comes in later: at first it only amplifies noise."""
        guided = done >= PLAIN
        return {
            **self.wish_loss(rng),
            **self.drawing_losses(rng, pairs=0.55, guided=guided),
            **(self.talk_losses(rng) if self.talks else {}),
        }

    def wish_loss(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Read wishes off their prompts alone: a fifteenth of the price of a drawing."""
        wishes = [draw_example(rng, pairs=0.6)[0] for _ in range(self.wishes)]
        rows = [self.prompts.drawing(word(rng, wish)) for wish in wishes]
        last = torch.tensor([len(row) - 1 for row in rows])
        embeddings = self.model.model.language_model.embed_tokens(padded(rows, self.prompts.pad))
        middle = self.middle(embeddings)[torch.arange(len(rows)), last]
        return {"plan": 0.15 * self.plan.loss(middle, torch.tensor([plan(wish) for wish in wishes]))}

    def drawing_losses(self, rng: np.random.Generator, *, pairs: float, guided: bool) -> dict[str, Tensor]:
        """The losses of `code_losses`, on guided logits or on plain ones, and of the shape that begins next."""
        prompts, codes, nexts, plans = [], [], [], []
        for _ in range(self.drawings):
            wish, scene = draw_example(rng, pairs=pairs, late=0.3)
            prompts.append(self.prompts.drawing(word(rng, wish)))
            codes.append(encode(scene))
            nexts.append(following(scene))
            plans.append(plan(wish))
        blank = [self.prompts.unconditional(len(ids)) for ids in prompts]
        images = torch.from_numpy(np.stack(codes))
        given = torch.from_numpy(np.stack([derailed(rng, one) for one in codes]))
        middle, hidden = self.image_states(blank + prompts, given.repeat(2, 1))
        untold, told = self.model.model.generation_head(hidden).chunk(2)
        w = torch.from_numpy(rng.uniform(*GUIDANCE, (self.drawings, 1, 1)).astype(np.float32)) if guided else 1.0
        begins, which = code_losses(untold + w * (told - untold), Targets.of(images))
        alone = torch.stack(code_losses(untold, Targets.of(images))).sum()
        following_shape = self.next.loss(hidden[self.drawings :].flatten(0, 1), torch.from_numpy(np.concatenate(nexts)))
        planned = self.plan.loss(middle[self.drawings :, 0], torch.tensor(plans))
        return {
            "begins": 0.08 * begins,
            "which": 0.04 * which,
            "untold": 0.01 * alone,
            "next": 0.5 * following_shape,
            "planned": 0.1 * planned,
        }

    def states(self, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states in the middle, where the readouts look, and at the end: (batch, length, width) each."""
        language = self.model.model.language_model
        out = language(inputs_embeds=embeddings, use_cache=False, output_hidden_states=True)
        return rms_norm(out.hidden_states[MIDDLE], embeddings.shape[2:]), out.last_hidden_state

    def middle(self, embeddings: Tensor) -> Tensor:
        """The middle of `states` alone, without the layers after it."""
        language = self.model.model.language_model
        positions = torch.arange(embeddings.shape[1])[None]
        turned = language.rotary_emb(embeddings, positions)
        for layer in language.layers[:MIDDLE]:
            embeddings = layer(embeddings, position_ids=positions, position_embeddings=turned)
        return rms_norm(embeddings, embeddings.shape[2:])

    def image_states(self, prompts: list[list[int]], images: Tensor) -> tuple[Tensor, Tensor]:
        """The states (batch, 144, width) that predict the image tokens (batch, 144) after the prompts."""
        janus = self.model.model
        lengths = torch.tensor([len(ids) for ids in prompts])
        ids = padded([row + [self.prompts.pad] * (POSITIONS - 1) for row in prompts], self.prompts.pad)
        embeddings = janus.language_model.embed_tokens(ids)
        rows, places = torch.arange(len(prompts))[:, None], lengths[:, None] + torch.arange(POSITIONS)
        drawn = self.model.prepare_embeddings_for_image_generation(images[:, :-1])
        embeddings = embeddings.index_put((rows, places[:, :-1]), drawn)
        middle, hidden = self.states(embeddings)
        return middle[rows, places - 1], hidden[rows, places - 1]

    def talk_losses(self, rng: np.random.Generator) -> dict[str, Tensor]:
        """Cross-entropy of the answers in conversations about pictures, and of the scene at the picture's end."""
        scenes = [draw_scene(rng) for _ in range(self.talks)]
        talks = [self.conversation(converse(rng, scene, turns=6)) for scene in scenes]
        pixels = torch.stack([preprocess(photograph(rng, scene), SIDE) for scene in scenes])
        ids = padded([row for row, _ in talks], self.prompts.pad)
        labels = padded([row for _, row in talks], NO_LOSS)[:, 1:]
        janus = self.model.model
        seen = janus.get_image_features(pixels).pooler_output.flatten(0, 1)
        embeddings = janus.language_model.embed_tokens(ids)
        embeddings = embeddings.index_put((ids == self.prompts.placeholder).nonzero(as_tuple=True), seen)
        middle, hidden = self.states(embeddings)
        answered = labels != NO_LOSS
        answers = cross_entropy(self.model.lm_head(hidden[:, :-1][answered]), labels[answered])
        shown = ((ids == self.prompts.placeholder) | (ids == self.prompts.end_of_image)).nonzero(as_tuple=True)
        scene = self.scene.loss(middle[shown], torch.tensor([*map(contents, scenes)])[shown[0]])
        return {"answers": 3 * answers, "scene": 0.5 * scene}

    def conversation(self, exchanges: list[Exchange]) -> tuple[list[int], list[int]]:
        """Ids of a conversation about one picture, and labels: each answer's ids and its end, NO_LOSS elsewhere."""
        ids: list[int] = []
        labels: list[int] = []
        turns: list[Turn] = []
        for exchange in exchanges:
            asked = self.prompts.question(exchange.question, turns)
            answer = self.answer(exchange.answer)
            ids, labels = asked + answer, labels + [NO_LOSS] * (len(asked) - len(labels)) + answer
            turns.append(Turn(question=exchange.question, answer=exchange.answer))
        return ids, labels

    def answer(self, text: str) -> list[int]:
        """Ids of an answer and its end."""
        ids: list[int] = self.tokenizer(f" {text}", add_special_tokens=False).input_ids
        return [*ids, self.prompts.eos]
