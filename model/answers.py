"""Answers in flight: pictures through the vision tower, the prompt in bounded chunks, then a token a step."""

import torch
from torch import Tensor

from model import sampling
from model.cache import Lane
from model.checkpoint import Janus
from model.decode import Decoder
from model.requests import Answer, Text
from model.sampling import BROKEN
from model.work import Broken, Ended, QuestionWork, Units


class Answers:
    """The answer lane and the questions that have seats in it."""

    def __init__(self, janus: Janus, decoder: Decoder, lane: Lane, *, chunk: int) -> None:
        self.janus, self.decoder, self.lane, self.chunk = janus, decoder, lane, chunk
        self.works: list[QuestionWork] = []

    def seat(self, work: QuestionWork) -> None:
        """Take a seat for a question."""
        work.seat = self.lane.take(1)[0]
        self.works.append(work)

    def leave(self, work: QuestionWork) -> int:
        """Drop a question; gives the number of seats it held."""
        if work.seat is None:
            return 0
        self.lane.release([work.seat])
        self.works.remove(work)
        work.seat = None
        return 1

    def prefill(self, work: QuestionWork) -> Units:
        """Read the pictures and the prompt, and let the seat take part in the steps."""
        seat = work.seat
        assert seat is not None
        ids = torch.tensor(work.ids, device=self.decoder.device)
        inputs = self.decoder.embed(ids)
        features = []
        for pixels in work.pixels:
            yield
            features.append(self._look(pixels))
        inputs[ids == self.janus.prompts.placeholder] = torch.cat(features).to(inputs.dtype)
        last = len(work.ids) - 1  # left to the first step
        for start in range(0, last, self.chunk):
            yield
            chunk = inputs[start : min(start + self.chunk, last)]
            self.decoder.prefill(chunk, self.lane.cache, seat.index, start)
            seat.position = start + len(chunk)
        self.lane.start(
            seat,
            position=last,
            token=work.ids[-1],
            uniforms=work.uniforms,
            sharpness=sampling.sharpness(work.request.temperature),
            strength=work.request.top_p,
        )
        work.end_stage("prefill")

    def _look(self, pixels: Tensor) -> Tensor:
        """What the vision tower and the aligner make of a picture (3, size, size): (image tokens, hidden)."""
        batch = pixels.unsqueeze(0).to(self.janus.device, self.janus.dtype)
        features: Tensor = self.janus.network.model.get_image_features(batch).pooler_output[0]
        return features

    def advance(self, tokens: list[int]) -> list[Ended | Broken | tuple[QuestionWork, Text]]:
        """Take note of a step that chose `tokens`, one a seat: whose answer is over, and the words that are new."""
        news: list[Ended | Broken | tuple[QuestionWork, Text]] = []
        # all of it before anybody leaves: then others move to the seats that come free
        self.lane.advance()
        said = [(work, tokens[work.seat.index]) for work in self.works if work.seat and work.seat.moving]
        for work, token in said:
            if token == BROKEN:
                news.append(Broken(work))
                continue
            if token == self.janus.prompts.eos:
                work.complete = True
            else:
                work.answer.append(token)
                news += self._words(work, work.stream.push(token))
            if work.complete or len(work.answer) == len(work.uniforms):
                news += self._words(work, work.stream.finish())
                work.end_stage("decode")
                news.append(Ended(work, self.leave(work)))
        return news

    def _words(self, work: QuestionWork, delta: str) -> list[tuple[QuestionWork, Text]]:
        return [(work, Text(delta))] if delta else []

    def result(self, work: QuestionWork) -> Answer:
        """What is sent at the end."""
        return Answer(
            text=self.janus.prompts.text(work.answer),
            tokens=len(work.answer),
            complete=work.complete,
            dropped_turns=work.dropped_turns,
            seconds=work.seconds,
        )
