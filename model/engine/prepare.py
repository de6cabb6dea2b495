"""Checks requests and prepares them, on any thread: what the model can't take is refused before it costs a step."""

from collections.abc import Iterable
from copy import copy

from model.engine.lanes import wanted
from model.engine.runs import AnyRun, DrawingRun, EnlargeRun, PaintRun, Picture, QuestionRun
from model.network import sampling
from model.network.pixels import preprocess
from model.requests import (
    COUNT,
    ENLARGED_BELOW,
    GUIDANCE,
    SEEDS,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    Drawing,
    Enlarge,
    Paint,
    Question,
    Refused,
    Request,
)
from model.weights.checkpoint import Janus


class Preparer:
    """Turns requests into runs for lanes of given lengths."""

    def __init__(self, janus: Janus, *, picture_length: int, answer_length: int) -> None:
        self.size = janus.image_size
        self.image_tokens = janus.image_tokens
        self.codes = janus.network.config.vq_config.num_embeddings
        self.answer_length = answer_length
        # the same words for both lanes, but each with its own room
        self.drawing_prompts, self.question_prompts = copy(janus.prompts), copy(janus.prompts)
        self.drawing_prompts.context, self.question_prompts.context = picture_length, answer_length
        self.drawing_prompts.image_tokens = self.image_tokens

    def prepare(self, request: Request) -> AnyRun:
        """Check a request and do what needs no model. Raises Refused, with a sentence for the asker."""
        match request:
            case Drawing():
                return self._drawing(request)
            case Question():
                return self._question(request)
            case Paint():
                return self._paint(request)
            case Enlarge():
                return self._enlarge(request)

    def _drawing(self, drawing: Drawing) -> DrawingRun:
        if drawing.prompts and len(drawing.prompts) != drawing.candidates:
            raise Refused("A drawing of several prompts has one for each picture.")
        avoided = drawing.avoided
        given = len(avoided) - len(drawing.avoid.strip())
        against = self.drawing_prompts.avoiding(avoided, given) if avoided else ()
        _within("guidance", drawing.guidance, *GUIDANCE)
        _within("temperature", drawing.temperature, *TEMPERATURE)
        _within("top-k", drawing.top_k, *TOP_K)
        _within("number of pictures", drawing.count, *COUNT)
        if len(drawing.kept) >= self.image_tokens or not self._are_codes(drawing.kept):
            raise Refused("The picture to vary was not drawn by this model.")
        lane, seats = wanted(drawing)
        judged = drawing.candidates > drawing.count
        pictures = [
            Picture(
                seed=(seed := (drawing.seed + number) % SEEDS),
                ids=self.drawing_prompts.drawing(words := drawing.words(seed)),
                keys=sampling.keys(seed, sampling.DRAWING, self.image_tokens),
                judgement=self.question_prompts.judgement(words) if judged else (),
            )
            for number in range(seats)
        ]
        return DrawingRun(
            request=drawing,
            against=against,
            total=self.image_tokens,
            pictures=pictures,
            waiting=pictures,
            lane=lane,
            seats=seats,
        )

    def _paint(self, paint: Paint) -> PaintRun:
        if not all(len(tokens) == self.image_tokens and self._are_codes(tokens) for tokens in paint.tokens):
            raise Refused("These pictures were not drawn by this model.")
        drawn = [Picture(seed=seed, tokens=tokens) for seed, tokens in zip(paint.seeds, paint.tokens, strict=True)]
        lane, seats = wanted(paint)
        return PaintRun(request=paint, pictures=drawn, lane=lane, seats=seats)

    def _enlarge(self, enlargement: Enlarge) -> EnlargeRun:
        if max(enlargement.size) >= ENLARGED_BELOW:
            raise Refused(f"Only pictures below {ENLARGED_BELOW} pixels on a side can be enlarged.")
        lane, seats = wanted(enlargement)
        return EnlargeRun(request=enlargement, lane=lane, seats=seats)

    def _are_codes(self, tokens: Iterable[int]) -> bool:
        return all(0 <= code < self.codes for code in tokens)

    def _question(self, question: Question) -> QuestionRun:
        if not question.pictures:
            raise Refused("Ask about a picture: there is none.")
        _within("temperature", question.temperature, *TEMPERATURE)
        _within("top-p", question.top_p, *TOP_P)
        if question.max_new_tokens < 1:
            raise Refused("An answer has one token at least.")
        dropped, ids = self._fit(question)
        most = min(question.max_new_tokens, self.answer_length - len(ids))
        lane, seats = wanted(question)
        return QuestionRun(
            request=question,
            ids=ids,
            pixels=[preprocess(picture, self.size) for picture in question.pictures],
            keys=sampling.keys(question.seed % SEEDS, sampling.ANSWER, most),
            dropped_turns=dropped,
            stream=self.question_prompts.stream(),
            lane=lane,
            seats=seats,
        )

    def _fit(self, question: Question) -> tuple[int, list[int]]:
        """Drop as many of the oldest turns as it takes; with none left, shorten what the answer may have."""
        for dropped in range(len(question.turns) + 1):
            try:
                return dropped, self._ids(question, dropped, question.max_new_tokens)
            except Refused:
                continue
        return len(question.turns), self._ids(question, len(question.turns), 1)

    def _ids(self, question: Question, dropped: int, room: int) -> list[int]:
        turns = question.turns[dropped:]
        return self.question_prompts.question(question.question, turns, len(question.pictures), room=room)


def _within(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # NaN is not either
        raise Refused(f"The {what} must be {low:g} to {high:g}.")
