"""Decode steps as CUDA graphs: recorded once, then replayed with one call in place of some hundred launches.

Each graph is for one batch: it reads and writes the lanes at the addresses they had, and gives its results in tensors
that the next replay overwrites. Recording one takes some milliseconds, so it is done when a batch first comes.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from model.network.cache import Lane
from model.network.decoder import Batch, Decoder

WARMING = 2  # runs before recording: libraries choose their kernels, and take their workspaces


class _Graph(NamedTuple):
    graph: torch.cuda.CUDAGraph
    found: tuple[Tensor, Tensor]


class CudaGraphs:
    """A decoder's step that is recorded at first use of every batch. For lanes that keep their memory."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self._pool = torch.cuda.graph_pool_handle()  # graphs never run at once: they share their scratch memory
        self._graphs: dict[Batch, _Graph] = {}

    def __call__(self, pictures: Lane, answers: Lane, batch: Batch) -> tuple[Tensor, Tensor]:
        """Do the decoder's step over the first seats of both lanes; the results hold until the next one."""
        if batch not in self._graphs:
            self._graphs[batch] = self._record(pictures, answers, batch)
        graph, found = self._graphs[batch]
        graph.replay()
        return found

    def _record(self, pictures: Lane, answers: Lane, batch: Batch) -> _Graph:
        # While no seat moves a step may run any number of times: it writes what the true one will write again.
        moving = [(lane, lane.moving.clone()) for lane in (pictures, answers)]
        for lane, _ in moving:
            lane.moving.zero_()
        try:
            aside = torch.cuda.Stream(self.decoder.device)  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(WARMING):
                    self.decoder.step(pictures, answers, batch)
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            # other threads may use the device meanwhile
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                found = self.decoder.step(pictures, answers, batch)
        finally:
            for lane, before in moving:
                lane.moving.copy_(before)
        return _Graph(graph, found)
