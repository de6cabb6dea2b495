"""Drawings in flight: prefill once and copy, collect what every step drew, then pixels a picture at a time."""

import torch
from torch import Tensor

from model import pictures, sampling
from model.cache import KVCache, Lane, Seat
from model.checkpoint import Janus
from model.decode import Decoder
from model.forecast import Forecast
from model.requests import Pictures, Progress
from model.sampling import BROKEN
from model.upscaler import Upscaler
from model.vq import VQDecoder
from model.work import Broken, DrawingWork, Ended, Picture, Units

PROGRESS_EVENTS = 64  # a drawing sends about so many: however slow its reader is, little piles up


class Drawings:
    """The picture lane and the drawings that have seats in it."""

    def __init__(
        self, janus: Janus, decoder: Decoder, lane: Lane, vq: VQDecoder, upscaler: Upscaler, *, chunk: int
    ) -> None:
        self.janus, self.decoder, self.lane, self.vq, self.upscaler = janus, decoder, lane, vq, upscaler
        self.chunk = chunk
        self.works: list[DrawingWork] = []
        # Guidance compares with BOS, PAD, PAD, ...: every length begins with the same keys and values, kept here.
        self.blank = KVCache(decoder.shape, 1, lane.length)
        self.blank_length = 0

    def seat(self, work: DrawingWork, count: int) -> list[Seat]:
        """Take seats for the next `count` pictures of a drawing."""
        seats = self.lane.take(count)
        going, work.waiting = work.waiting[:count], work.waiting[count:]
        work.drawing += zip(seats, going, strict=True)
        if work not in self.works:
            self.works.append(work)
        return seats

    def leave(self, work: DrawingWork) -> int:
        """Drop a drawing; gives the number of seats it held."""
        seats = [seat for seat, _ in work.drawing]
        work.drawing = []
        self.lane.release(seats)
        if work in self.works:
            self.works.remove(work)
        return len(seats)

    def prefill(self, work: DrawingWork, seats: list[Seat]) -> Units:
        """Prefill a drawing's prompt for some of its seats, and let them take part in the steps."""
        lane, decoder, kept = self.lane, self.decoder, work.request.kept
        prompt = decoder.embed(torch.tensor(work.ids[:-1], device=decoder.device))
        before = [decoder.begin, *kept][: len(kept)]  # of a variation: what the first step finds drawn already
        drawn = decoder.codes[before]
        length = len(prompt) + len(drawn)
        first = seats[0]
        yield from self._write(torch.cat((prompt, drawn)), first, half=0, start=0)
        while self.blank_length < len(prompt):
            yield
            self._extend_blank(min(self.blank_length + self.chunk, len(prompt)))
        lane.cache.copy(self.blank, 0, [lane.rows(first.index)[1]], len(prompt))
        yield from self._write(drawn, first, half=1, start=len(prompt))
        for half, row in enumerate(lane.rows(first.index)):
            lane.cache.copy(lane.cache, row, [lane.rows(seat.index)[half] for seat in seats[1:]], length)
        streams = {seat: picture.uniforms for seat, picture in work.drawing}
        for seat in seats:
            lane.start(
                seat,
                position=length,
                token=kept[-1] if kept else decoder.begin,
                uniforms=streams[seat][len(kept) :],
                sharpness=sampling.sharpness(work.request.temperature),
                strength=work.request.guidance,
            )
        work.end_stage("prefill")

    def _write(self, inputs: Tensor, seat: Seat, *, half: int, start: int) -> Units:
        """Prefill one of a seat's two rows, chunk by chunk; between chunks the seat may move."""
        for begin in range(0, len(inputs), self.chunk):
            yield
            chunk = inputs[begin : begin + self.chunk]
            self.decoder.prefill(chunk, self.lane.cache, self.lane.rows(seat.index)[half], start + begin)
            seat.position = max(seat.position, start + begin + len(chunk))

    def _extend_blank(self, length: int) -> None:
        ids = self.janus.prompts.unconditional(length + 1)[self.blank_length : length]
        inputs = self.decoder.embed(torch.tensor(ids, device=self.decoder.device))
        self.decoder.prefill(inputs, self.blank, 0, self.blank_length)
        self.blank_length = length

    def advance(self, tokens: list[int], forecast: Forecast) -> list[Ended | Broken | tuple[DrawingWork, Progress]]:
        """Take note of a step that drew `tokens`, one a seat.

        Tells which seats have drawn their last token (they are free again), and who got how far.
        """
        # all of it before anybody leaves: then others move to the seats that come free
        self.lane.advance()
        broken = [work for work in self.works if any(s.moving and tokens[s.index] == BROKEN for s, _ in work.drawing)]
        news: list[Ended | Broken | tuple[DrawingWork, Progress]] = [Broken(work) for work in broken]
        for work in [work for work in self.works if work not in broken]:
            moving = [(seat, picture) for seat, picture in work.drawing if seat.moving]
            over = [pair for pair in moving if pair[0].position == work.last]
            done = work.tokens_done
            if moving and (over or done % max(1, work.total // PROGRESS_EVENTS) == 0):
                news.append((work, Progress(done, work.total, forecast.left(work))))
            if over:
                self._collect(work, over)
                news.append(Ended(work, len(over)))
        return news

    def _collect(self, work: DrawingWork, over: list[tuple[Seat, Picture]]) -> None:
        for seat, picture in over:
            drawn = self.lane.written(seat, work.first, work.last + 1).tolist()
            picture.tokens = (*work.request.kept, *drawn)
            work.drawn.append(picture)
        work.drawing = [pair for pair in work.drawing if pair not in over]
        self.lane.release([seat for seat, _ in over])
        if not work.drawing:
            work.end_stage("decode")
            self.works.remove(work)

    def so_far(self, work: DrawingWork) -> list[Tensor]:
        """The tokens that each picture has by now, int64, copies."""
        drawn = [torch.tensor(picture.tokens, device=self.janus.device) for picture in work.drawn]
        kept = torch.tensor(work.request.kept, dtype=torch.int64, device=self.janus.device)
        written = [self.lane.written(seat, work.first, seat.position + 1) for seat, _ in work.drawing]
        return drawn + [torch.cat((kept, tokens)) for tokens in written] + [kept] * len(work.waiting)

    def pixels(self, work: DrawingWork) -> Units:
        """Turn the tokens of a drawing into pictures, a picture at a time; what is done already stays."""
        for picture in work.drawn:
            if picture.image is None:
                yield
                codes = torch.tensor(picture.tokens, device=self.janus.device)
                (picture.image,) = pictures.to_pictures(self.vq(codes.view(1, self.janus.grid, -1)))
                work.end_stage("pixels")
            if work.request.upscale and not picture.upscaled:
                picture.image = yield from self.upscaler.pieces(picture.image)
                picture.upscaled = True
                work.end_stage("upscale")

    def result(self, work: DrawingWork) -> Pictures:
        """What is sent at the end."""
        return Pictures(
            pictures=tuple(picture.image for picture in work.drawn if picture.image),
            tokens=tuple(picture.tokens for picture in work.drawn),
            seeds=tuple(picture.seed for picture in work.drawn),
            seconds=work.seconds,
        )
