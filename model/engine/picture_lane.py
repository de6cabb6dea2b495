"""Drawings in flight: prefill once and copy, collect what every step drew, then pixels a picture at a time."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from model.engine.eta import Eta
from model.engine.runs import Broken, DrawingRun, Ended, EnlargeRun, Making, PaintRun, Picture, Units
from model.network.cache import KVCache, Lane, Seat
from model.network.decoder import Decoder
from model.network.numbers import NoNumbersError
from model.network.pixels import to_pictures
from model.network.sampling import BROKEN
from model.network.upscaler import Upscaler
from model.network.vq_decoder import VQDecoder
from model.requests import Pictures, Progress
from model.weights.checkpoint import Janus

PROGRESS_EVENTS = 64  # a drawing sends about so many: however slow its reader is, little piles up


class PictureLane:
    """The picture lane and the drawings that have seats in it."""

    def __init__(
        self, janus: Janus, decoder: Decoder, lane: Lane, vq: VQDecoder, upscaler: Upscaler, *, chunk: int
    ) -> None:
        self.janus, self.decoder, self.lane, self.vq, self.upscaler = janus, decoder, lane, vq, upscaler
        self.chunk = chunk
        self.runs: list[DrawingRun] = []
        # Guidance compares with BOS, PAD, PAD, ...: every length begins with the same keys and values, kept here.
        self.blank = KVCache(decoder.shape, min(1, lane.capacity), lane.length)
        self.blank_length = 0

    def seat(self, run: DrawingRun, count: int) -> list[Seat]:
        """Take seats for the next `count` pictures of a drawing."""
        seats = self.lane.take(count)
        going, run.waiting = run.waiting[:count], run.waiting[count:]
        run.drawing += zip(seats, going, strict=True)
        if run not in self.runs:
            self.runs.append(run)
        return seats

    def leave(self, run: DrawingRun) -> int:
        """Drop a drawing; gives the number of seats it held."""
        seats = [seat for seat, _ in run.drawing]
        run.drawing = []
        self.lane.release(seats)
        if run in self.runs:
            self.runs.remove(run)
        return len(seats)

    def prefill(self, run: DrawingRun, seats: list[Seat]) -> Units:
        """Prefill a drawing's prompt for some of its seats, and let them take part in the steps."""
        pictures = {seat: picture for seat, picture in run.drawing if seat in seats and not seat.moving}
        for ids in {tuple(picture.ids): None for picture in pictures.values()}:
            alike = {seat: picture for seat, picture in pictures.items() if tuple(picture.ids) == ids}
            yield from self._prefill_alike(run, ids, alike)
        run.end_stage("prefill")

    def _prefill_alike(self, run: DrawingRun, ids: Sequence[int], pictures: Mapping[Seat, Picture]) -> Units:
        """Prefill the prompt of pictures that have the same one, and let their seats take part in the steps."""
        lane, decoder, kept, seats = self.lane, self.decoder, run.request.kept, list(pictures)
        prompt = self._embed(ids[:-1])
        before = [decoder.begin, *kept][: len(kept)]  # of a variation: what the first step finds drawn already
        drawn = decoder.codes[before]
        first = seats[0]
        yield from self._write(torch.cat((prompt, drawn)), first, half=0, start=0)
        if run.against:
            against = self._embed(run.against[:-1])
            yield from self._write(torch.cat((against, drawn)), first, half=1, start=0)
        else:
            against = prompt  # as long
            while self.blank_length < len(prompt):
                yield
                self._extend_blank(min(self.blank_length + self.chunk, len(prompt)))
            lane.cache.copy(self.blank, 0, [lane.rows(first.index)[1]], len(prompt))
            yield from self._write(drawn, first, half=1, start=len(prompt))
        lengths = [len(words) + len(drawn) for words in (prompt, against)]
        lane.cover(seats, max(lengths))
        for half, (row, length) in enumerate(zip(lane.rows(first.index), lengths, strict=True)):
            lane.cache.copy(lane.cache, row, [lane.rows(seat.index)[half] for seat in seats[1:]], length)
        for seat, picture in pictures.items():
            assert picture.keys is not None
            lane.start(
                seat,
                position=lengths[0],
                token=kept[-1] if kept else decoder.begin,
                keys=picture.keys[len(kept) :],
                temperature=run.request.temperature,
                strength=run.request.guidance,
                top_k=run.request.top_k,
                first=len(ids),
                offsets=[length - lengths[0] for length in lengths],
            )

    def _embed(self, ids: Sequence[int]) -> Tensor:
        return self.decoder.embed(torch.tensor(ids, device=self.decoder.device))

    def _write(self, inputs: Tensor, seat: Seat, *, half: int, start: int) -> Units:
        """Prefill one of a seat's two rows, chunk by chunk; between chunks the seat may move."""
        for begin in range(0, len(inputs), self.chunk):
            yield
            chunk = inputs[begin : begin + self.chunk]
            self.lane.cover([seat], start + begin + len(chunk))
            self.decoder.prefill(chunk, self.lane.cache, self.lane.rows(seat.index)[half], start + begin)
            seat.position = max(seat.position, start + begin + len(chunk))

    def _extend_blank(self, length: int) -> None:
        ids = self.janus.prompts.unconditional(length + 1)[self.blank_length : length]
        self.decoder.prefill(self._embed(ids), self.blank, 0, self.blank_length)
        if not self.blank.finite(self.blank_length, length):  # it is kept for all: the next one tries it anew
            self.blank.clear(self.blank_length, length)
            raise NoNumbersError("the blank prompt computed what is no number")
        self.blank_length = length

    def advance(self, counts: list[int], eta: Eta) -> list[Ended | Broken | tuple[DrawingRun, Progress]]:
        """Take note of a step that drew so many tokens a seat.

        Tells which seats have drawn their last token (they are free again), and who got how far.
        """
        before = {run: run.tokens_done for run in self.runs}
        got = [counts[seat.index] for seat in self.lane.taken if seat.moving]
        if got:
            eta.drawn.add(sum(got) / len(got))
        # all of it before anybody leaves: then others move to the seats that come free
        self.lane.advance(counts)
        broken = [run for run in self.runs if any(s.moving and counts[s.index] == BROKEN for s, _ in run.drawing)]
        news: list[Ended | Broken | tuple[DrawingRun, Progress]] = [Broken(run) for run in broken]
        for run in [run for run in self.runs if run not in broken]:
            moving = [(seat, picture) for seat, picture in run.drawing if seat.moving]
            over = [pair for pair in moving if pair[0].position == run.last(pair[1])]
            done, each = run.tokens_done, max(1, run.total // PROGRESS_EVENTS)
            if moving and (over or done // each > before[run] // each):
                news.append((run, Progress(done, run.total, eta.left(run))))
            if over:
                self._collect(run, over)
                news.append(Ended(run, len(over)))
        return news

    def _collect(self, run: DrawingRun, over: list[tuple[Seat, Picture]]) -> None:
        for seat, picture in over:
            drawn = self.lane.written(seat, run.first(picture), run.last(picture) + 1).tolist()
            picture.tokens = (*run.request.kept, *drawn)
        run.drawing = [pair for pair in run.drawing if pair not in over]
        self.lane.release([seat for seat, _ in over])
        if not run.drawing:
            run.end_stage("decode")
            self.runs.remove(run)

    def so_far(self, run: DrawingRun) -> list[Tensor]:
        """The tokens that each picture has by now, int64, copies."""
        kept = torch.tensor(run.request.kept, dtype=torch.int64, device=self.janus.device)
        seats = {picture: seat for seat, picture in run.drawing}
        found = []
        for picture in run.pictures:
            tokens = torch.tensor(picture.tokens, device=self.janus.device) if picture.tokens else kept
            if seat := seats.get(picture):
                tokens = torch.cat((kept, self.lane.written(seat, run.first(picture), seat.position + 1)))
            found.append(tokens)
        return found

    def pixels(self, run: DrawingRun | PaintRun) -> Making:
        """Turn the tokens of a drawing into pictures, a picture at a time, and give them; what is done already stays.

        Of one whose pictures are yet to be judged it gives none: these are what is looked at.
        """
        judging = run if isinstance(run, DrawingRun) and run.unjudged else None
        for picture in judging.drawn if judging else run.shown:
            if picture.image is None:
                yield
                codes = torch.tensor(picture.tokens, device=self.janus.device)
                (picture.image,) = to_pictures(self.vq(codes.view(1, self.janus.grid, -1)))
                run.end_stage("pixels")
            if run.request.upscale and not judging and not picture.upscaled:
                picture.image = yield from self.upscaler.pieces(picture.image)
                picture.upscaled = True
                run.end_stage("upscale")
        return None if judging else self._result(run)

    def enlarge(self, run: EnlargeRun) -> Making:
        """Enlarge a picture, piece by piece, and give it."""
        picture = yield from self.upscaler.pieces(run.request.picture())
        run.end_stage("upscale")
        return Pictures((picture,), (), (), run.seconds)

    def _result(self, run: DrawingRun | PaintRun) -> Pictures:
        return Pictures(
            pictures=tuple(picture.image for picture in run.shown if picture.image),
            tokens=tuple(picture.tokens for picture in run.shown),
            seeds=tuple(picture.seed for picture in run.shown),
            seconds=run.seconds,
            judged=tuple(picture.chance for picture in run.shown if picture.chance is not None),
        )
