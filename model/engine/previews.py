"""Pictures on their way: what is drawn so far, decoded now and then, at a bounded share of the time."""

import time
from collections.abc import Callable, Sequence

from PIL import Image
from torch import Tensor

from model.engine.runs import DrawingRun, Making
from model.network.pixels import to_pictures
from model.network.vq_decoder import VQDecoder
from model.requests import Preview
from model.square import PADDING

FIRST_SECONDS = 2.0  # a drawing that is done sooner needs no preview


class Previews:
    """Decides when a preview is due, and decodes it a picture at a time."""

    def __init__(
        self, vq: VQDecoder, so_far: Callable[[DrawingRun], Sequence[Tensor]], *, grid: int, share: float
    ) -> None:
        """`so_far`: gives the tokens that each picture has; `grid`: codes on a side of one.

        `share`: of the time, 0 (no previews) to 1.
        """
        self.vq, self.so_far, self.grid, self.share = vq, so_far, grid, share
        self._cost = 0.0  # seconds that a full picture takes, as last measured
        self._resting_until = 0.0

    def due(self, run: DrawingRun) -> bool:
        """Tell whether a preview of this drawing is wanted, and cheap enough by now."""
        if not (run.request.previews and self.share and run.moving) or run.request.tries > 1:
            return False
        now, part = time.perf_counter(), run.tokens_done / run.total
        since = max(run.previewed, run.stage_began)
        cost = self._cost * part * len(run.drawing)
        return now >= self._resting_until and now - since >= max(FIRST_SECONDS, cost / self.share)

    def begin(self, run: DrawingRun) -> Making:
        """Decode what is drawn so far, and give the preview."""
        run.previewed = time.perf_counter()
        pictures = []
        for drawn in self.so_far(run):
            yield
            began = time.perf_counter()
            pictures.append(self._decode(drawn))
            spent = time.perf_counter() - began
            if rows := len(drawn) // self.grid:
                self._cost = spent * self.grid / rows
            # whoever is next, previews have had their share for a while
            self._resting_until = max(self._resting_until, began) + spent / self.share
        return Preview(tuple(pictures))

    def _decode(self, tokens: Tensor) -> Image.Image:
        """Decode the rows of the grid that are complete, of (n,) tokens, into an RGB picture; the rest is grey."""
        rows = len(tokens) // self.grid
        side = self.grid * self.vq.scale
        preview = Image.new("RGB", (side, side), PADDING)
        if rows:
            (drawn,) = to_pictures(self.vq(tokens[: rows * self.grid].view(1, rows, self.grid)))
            preview.paste(drawn)
        return preview
