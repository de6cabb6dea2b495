"""The first answer to an interaction, whose receipt may be lost although the answer arrived.

discord.py answers interactions, and edits what it answered, through an adapter; this one gives every request of its a
limit in seconds, and looks at the message itself before an answer counts as failed. So whatever answers an interaction,
in any feature, goes on where Discord has it.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from discord.webhook.async_ import AsyncWebhookAdapter, async_context

from bot.core.rest import CALL_SECONDS, NETWORK, UPLOAD_SECONDS, Fault, fault_of, in_short

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 3.0  # that an interaction waits for its answer
LOOKS: Final = (0.0, 0.5, 1.5)  # seconds before each look at the message
LOOK_SECONDS: Final = 3.0
SHOWN: Final = (4, 7)  # the types of answers whose receipt brings the message: a new one, and a change


class Receipts(AsyncWebhookAdapter):
    """An adapter that no lost receipt misleads."""

    def __init__(self, application: Callable[[], int | None]) -> None:
        """`application` tells the bot's application id, once there is one."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._application = application
        self._answering: set[str] = set()

    def use(self) -> None:
        """Let discord.py use this one, in the current task and in those that it starts."""
        async_context.set(self)

    def is_answering(self, token: str) -> bool:
        """Tell whether an interaction's first answer is on its way."""
        return token in self._answering

    async def request(self, route: Any, session: aiohttp.ClientSession, **options: Any) -> Any:
        async with asyncio.timeout(UPLOAD_SECONDS if options.get("files") else CALL_SECONDS):
            return await super().request(route, session, **options)

    async def create_interaction_response(
        self, interaction_id: int, token: str, *, session: aiohttp.ClientSession, params: Any, **proxy: Any
    ) -> Any:
        self._answering.add(token)
        try:
            clock = asyncio.get_running_loop().time
            until = clock() + ANSWER_SECONDS
            while True:
                answering = super().create_interaction_response(
                    interaction_id, token, session=session, params=params, **proxy
                )
                try:
                    async with asyncio.timeout(UPLOAD_SECONDS if params.files else ANSWER_SECONDS):
                        return await answering
                except NETWORK as error:
                    found = await self._look(token, session=session, **proxy)
                    if found is not None or fault_of(error) is Fault.ANSWERED:
                        log.info("An answer arrived, though not its receipt: %s", in_short(error))
                        return _receipt(interaction_id, params, found or {})
                    if fault_of(error) is not Fault.PASSING or clock() >= until:
                        raise
        finally:
            self._answering.discard(token)

    async def _look(self, token: str, **how: Any) -> dict[str, Any] | None:
        """Return the message that answers an interaction, {} if it has an answer of another kind, None if it has none.

        Discord knows no such webhook until the interaction is answered; then it knows the webhook, if maybe no message.
        """
        application, unknown = self._application(), 0
        assert application
        for pause in LOOKS:
            await asyncio.sleep(pause)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    return dict(await self.get_original_interaction_response(application, token, **how))
            except NETWORK as error:
                log.info("Could not see whether an answer arrived: %s", in_short(error))
                if fault_of(error) is Fault.GONE:
                    return {}
                unknown += fault_of(error) is Fault.EXPIRED
                if unknown > 1:  # one such answer alone may err
                    return None
        return None


def _receipt(interaction: int, params: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Write the receipt that was lost."""
    kind = (params.payload or json.loads(params.multipart[0]["value"]))["type"]
    told: dict[str, Any] = {"id": str(interaction), "type": kind}
    if "id" in found:
        told["response_message_id"] = found["id"]
    if found and kind in SHOWN:
        return {"interaction": told, "resource": {"type": kind, "message": found}}
    return {"interaction": told}
