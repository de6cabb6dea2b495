"""The playground's page: simcord's preview, under our name, and live."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import simcord
from simcord.preview._server import PreviewServer

FILE_BYTES: Final = 128 * 2**20  # pictures that are kept; the oldest expire, as they do on Discord
REVISIONS: Final = 64  # of a page: that many a visitor may be behind
NAMES: Final = (  # whose page it is
    ("<title>SimCord Preview</title>", "<title>janus-bot playground</title>"),
    ("<strong>SimCord</strong><small>Preview</small>", "<strong>janus-bot</strong><small>playground</small>"),
    ('aria-hidden="true">S</span>', 'aria-hidden="true">J</span>'),
)


class OurServer(PreviewServer):
    """Serves simcord's page under our name."""

    async def _static(self, request: Any) -> Any:
        response = await super()._static(request)
        if request.path == "/":
            for theirs, ours in NAMES:
                response.text = response.text.replace(theirs, ours)
        return response


class LivePreview(simcord.Preview):
    """A page that is always up to date, whose visitors never collide with the clock, and lose nothing they do.

    simcord publishes a page when it is told to, refuses what a visitor does on an outdated one, and fails what
    overlaps with anything else. The browser asks for the state twice a second, so publishing just then keeps the two
    together; everybody holds `acting`; and what was sent from a page that was published anew meanwhile counts if the
    control is still the same. simcord has no public way to do any of it, hence the bounds on its version.
    """

    _MAX_MEDIA_BYTES = 4 * FILE_BYTES  # a file takes its bytes, and those of the PNG that the page makes of it

    def __init__(
        self, env: simcord.Env, channel: simcord.ChannelHandle, viewers: Sequence[simcord.MemberActor], port: int
    ) -> None:
        super().__init__(
            env,
            channel,
            tuple(viewers),
            layout="channel",
            display="responsive",
            width=960,
            height=720,
            locale="en-US",
            timezone="UTC",
            presentation_time=None,
            assets=None,
            port=port,
        )
        self._server = OurServer(self, port)
        self.acting = asyncio.Lock()
        self._newest: dict[str, Any] = {}  # by page: the newest request of the bot that its state has seen
        self._controls: dict[str, deque[tuple[int, dict[str, str]]]] = {}  # by page: revisions, and what they offered

    async def _action(self, context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        async with self.acting:
            return await super()._action(context_id, self._brought_up_to_date(context_id, body))

    def _page_payload(self, page: Any) -> dict[str, Any]:
        newest = self.env.http_requests[-1]
        if self._newest.get(page.id) is not newest and self._active_action is None:
            self._newest[page.id] = newest
            self._advance_presentation_time()
            self._publish(page, reason="refresh")
        return super()._page_payload(page)

    def _publish(self, page: Any, *, reason: Any = "action") -> None:
        super()._publish(page, reason=reason)
        offered = self._controls.setdefault(page.id, deque(maxlen=REVISIONS))
        offered.append((page.revision, dict(_controls(page.snapshot["messages"]))))

    def _brought_up_to_date(self, context_id: str | None, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a visitor does as if it was done on the newest state, if that offers the very same."""
        offered = dict(self._controls.get(context_id or "", ()))
        seen = offered.get(body.get("published_revision", 0))
        if seen is None:
            return body
        newest, control = max(offered), body.get("control_key", "")
        same = seen.get(control) == offered[newest].get(control)
        return {**body, "published_revision": newest} if same else body


def _controls(part: Any) -> Iterator[tuple[str, str]]:
    """Yield the key and the custom_id of every control in a part of a page's state."""
    if isinstance(part, dict):
        if part.get("control_key"):
            yield part["control_key"], part.get("custom_id", "")
        part = list(part.values())
    if isinstance(part, list):
        for child in part:
            yield from _controls(child)
