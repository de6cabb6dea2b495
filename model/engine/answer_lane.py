"""Answers in flight: pictures through the vision tower, the prompt in bounded chunks, then a token a step."""

from collections.abc import Generator, Iterable

import torch
from torch import Tensor, nn

from model.engine.runs import Broken, Ended, JudgeRun, QuestionRun, ReadingRun, Units
from model.network.cache import Lane
from model.network.decoder import Decoder
from model.network.numbers import check, compute
from model.network.pixels import preprocess
from model.network.sampling import BROKEN
from model.requests import Answer, Text
from model.weights.checkpoint import Janus


class AnswerLane:
    """The answer lane and the questions that have seats in it."""

    def __init__(self, janus: Janus, decoder: Decoder, lane: Lane, *, chunk: int) -> None:
        self.janus, self.decoder, self.lane, self.chunk = janus, decoder, lane, chunk
        self.runs: list[QuestionRun] = []

    def seat(self, run: ReadingRun) -> None:
        """Take a seat for a question."""
        run.seat = self.lane.take(1)[0]

    def leave(self, run: ReadingRun) -> int:
        """Drop a question; gives the number of seats it held."""
        if run.seat is None:
            return 0
        self.lane.release([run.seat])
        self.runs = [other for other in self.runs if other is not run]
        run.seat = None
        return 1

    def prefill(self, run: QuestionRun | JudgeRun) -> Units:
        """Read the pictures and the prompt, and let the seat take part in the steps, or be done with a judgement."""
        return self._judge(run) if isinstance(run, JudgeRun) else self._begin(run)

    def _begin(self, run: QuestionRun) -> Units:
        last = len(run.ids) - 1  # left to the first step
        yield from self._read(run, run.pixels, last)
        assert run.seat is not None
        self.lane.start(
            run.seat,
            position=last,
            token=run.ids[-1],
            keys=run.keys,
            temperature=run.request.temperature,
            strength=run.request.top_p,
        )
        self.runs.append(run)
        run.end_stage("prefill")

    def _judge(self, run: JudgeRun) -> Units:
        """Note how likely the model says yes, against no. It takes no step: one token tells. Raises NoNumbersError."""
        pixels = [preprocess(picture, self.janus.image_size) for picture in run.request.pictures]
        states = yield from self._read(run, pixels, len(run.ids))
        logits = check(self.decoder.text_logits(states[-1:])[0], "the judgement")
        verdicts = self.janus.prompts.verdicts
        yes, no = (logits[list(ids)].logsumexp(0) for ids in (verdicts.yes, verdicts.no))
        run.picture.chance = float((yes - no).sigmoid())

    def _read(self, run: ReadingRun, pictures: Iterable[Tensor], end: int) -> Generator[None, None, Tensor]:
        """Read the pictures and the first `end` positions of the prompt; gives the last states, (n, hidden)."""
        seat = run.seat
        assert seat is not None
        ids = torch.tensor(run.ids, device=self.decoder.device)
        inputs = self.decoder.embed(ids)
        features = []
        for pixels in pictures:
            yield
            features.append(self._look(pixels))
        inputs[ids == self.janus.prompts.placeholder] = torch.cat(features).to(inputs.dtype)
        states = inputs[:0]
        for start in range(0, end, self.chunk):
            yield
            chunk = inputs[start : min(start + self.chunk, end)]
            self.lane.cover([seat], start + len(chunk))
            states = self.decoder.prefill(chunk, self.lane.cache, seat.index, start)
            seat.position = start + len(chunk)
        return states

    def _look(self, pixels: Tensor) -> Tensor:
        """What the vision tower and the aligner make of a picture (3, size, size): (image tokens, hidden).

        Raises NoNumbersError.
        """
        eyes = nn.ModuleList((self.janus.network.model.vision_model, self.janus.network.model.aligner))

        def look() -> Tensor:
            batch = pixels.unsqueeze(0).to(self.janus.device, next(eyes.parameters()).dtype)
            features: Tensor = self.janus.network.model.get_image_features(batch).pooler_output[0]
            return features

        return compute(eyes, look, "the vision tower")

    def advance(self, tokens: list[int]) -> list[Ended | Broken | tuple[QuestionRun, Text]]:
        """Take note of a step that chose `tokens`, one a seat: whose answer is over, and the words that are new."""
        news: list[Ended | Broken | tuple[QuestionRun, Text]] = []
        # all of it before anybody leaves: then others move to the seats that come free
        self.lane.advance([1] * len(tokens))
        said = [(run, tokens[run.seat.index]) for run in self.runs if run.seat and run.seat.moving]
        for run, token in said:
            if token == BROKEN:
                news.append(Broken(run))
                continue
            if token == self.janus.prompts.eos:
                run.complete = True
            else:
                run.answer.append(token)
                news += self._words(run, run.stream.push(token))
            if run.complete or len(run.answer) == len(run.keys):
                news += self._words(run, run.stream.finish())
                run.end_stage("decode")
                news.append(Ended(run, self.leave(run)))
        return news

    def _words(self, run: QuestionRun, delta: str) -> list[tuple[QuestionRun, Text]]:
        return [(run, Text(delta))] if delta else []

    def result(self, run: QuestionRun) -> Answer:
        """What is sent at the end."""
        return Answer(
            text=self.janus.prompts.text(run.answer),
            tokens=len(run.answer),
            complete=run.complete,
            dropped_turns=run.dropped_turns,
            seconds=run.seconds,
        )
