"""How Discord's answers are taken: whether it is one, what a failure means, and what time Discord says it is.

Here alone is decided what is Discord's refusal, what passes by itself, and what never came from Discord. Everybody else
puts a call into `calling` and looks at the `Fault` of what that raises. What our own code raises on the way to a call,
such as an encoder's OSError, is not among it.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from types import SimpleNamespace
from typing import Any, Final, TypeVar

import aiohttp
import discord
from discord.http import Route

log = logging.getLogger(__name__)

T = TypeVar("T")

CALL_SECONDS: Final = 30.0  # a call at the most: discord.py itself waits 25 s of them when Discord has a fault
UPLOAD_SECONDS: Final = 120.0  # one that brings files: 25 MiB at 2 Mbit/s
RETRY_SECONDS: Final = (1.0, 3.0, 9.0)  # before each further attempt
PAUSES: Final = (5.0, 600.0)  # the first and the longest, where nobody waits for the outcome
MOST_PAUSE: Final = 60.0  # seconds that are waited because Discord says so
NETWORK: Final = (discord.HTTPException, aiohttp.ClientError, TimeoutError, ConnectionError)  # what a call may raise


class Fault(Enum):
    """What a failed call means."""

    PASSING = auto()  # no answer of Discord's, or one that says to come again
    GONE = auto()  # there is no such message or channel; one answer alone may err
    EXPIRED = auto()  # the interaction's token holds no longer; one answer alone may err
    ANSWERED = auto()  # the interaction has its first answer already
    TOO_LARGE = auto()
    FILTERED = auto()  # words or links that nobody can send there
    CLOSED = auto()  # the bot may not write there
    REFUSED = auto()  # anything else: the same once more would be refused once more


# By Discord's own codes: https://docs.discord.com/developers/topics/opcodes-and-status-codes
FAULTS: Final[Mapping[int, Fault]] = {
    10003: Fault.GONE,  # unknown channel
    10008: Fault.GONE,  # unknown message
    10015: Fault.EXPIRED,  # unknown webhook
    10062: Fault.EXPIRED,  # unknown interaction
    40005: Fault.TOO_LARGE,
    40060: Fault.ANSWERED,
    40333: Fault.PASSING,  # what stands before Discord did not let it through
    50001: Fault.CLOSED,  # missing access
    50007: Fault.CLOSED,  # a member who takes no direct messages
    50013: Fault.CLOSED,  # missing permissions
    50027: Fault.EXPIRED,  # invalid webhook token
    50083: Fault.CLOSED,  # an archived thread
    130000: Fault.PASSING,  # overloaded
    160002: Fault.CLOSED,  # no reply without reading the history
    160005: Fault.CLOSED,  # a locked thread
    200000: Fault.FILTERED,  # by the server's own rules
    200001: Fault.FILTERED,
    240000: Fault.FILTERED,  # harmful links
}
DOUBTFUL: Final = (Fault.GONE, Fault.EXPIRED)
STATUSES: Final[Mapping[int, Fault]] = {
    403: Fault.CLOSED,
    404: Fault.GONE,
    408: Fault.PASSING,
    413: Fault.TOO_LARGE,
    429: Fault.PASSING,
}


class NoAnswerError(aiohttp.ClientError):
    """Something answered in Discord's place: a proxy's page, half a body, a limit without a time."""


class EverythingLimitedError(aiohttp.ClientError):
    """The bot has made too many requests of all kinds.

    discord.py would hold back all others while this one waits, and for ever if that is cancelled or has had its time.
    """

    def __init__(self, pause: float) -> None:
        super().__init__(f"{pause} s")
        self.pause = pause


class DiscordError(Exception):
    """A call to Discord that failed. Its words are fit for the log: no address, and so no token, is in them."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(in_short(error))
        self.fault = fault_of(error)
        self.code = int(getattr(error, "code", 0) or 0)
        self.text = str(getattr(error, "text", ""))  # what Discord says is wrong
        self.pause = _pause(error)  # seconds that Discord asks to wait


def fault_of(error: BaseException) -> Fault:
    """Tell what one of NETWORK means."""
    if not isinstance(error, discord.HTTPException):
        return Fault.PASSING
    if error.code in FAULTS:
        return FAULTS[error.code]
    return Fault.PASSING if error.status >= 500 else STATUSES.get(error.status, Fault.REFUSED)


def in_short(error: BaseException) -> str:
    """Name an error for the log without its words, which may hold the address of a message and so its token."""
    if isinstance(error, DiscordError):
        return str(error)
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    numbers = [str(status)] if status is not None else []
    numbers += [f"code {code}"] if code else []
    return " ".join([type(error).__name__, *numbers])


@asynccontextmanager
async def calling(seconds: float = CALL_SECONDS) -> AsyncIterator[None]:
    """Stand around one call to Discord, which has so many seconds. Raises DiscordError."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except NETWORK as error:
        raise DiscordError(error) from error


async def insist(call: Callable[[], Awaitable[T]], seconds: float = CALL_SECONDS, *, patient: bool = True) -> T:
    """Make a call to Discord, and make it again where its failure may pass, each time with so many seconds.

    discord.py itself gives up when the connection breaks. Whoever is not `patient` asks again only where one answer
    alone does not prove what it says. Raises DiscordError.
    """
    doubted = False
    for delay in (*RETRY_SECONDS, None):
        try:
            async with calling(seconds):
                return await call()
        except DiscordError as error:
            doubtful = error.fault in DOUBTFUL and not doubted
            if delay is None or not (doubtful or (patient and error.fault is Fault.PASSING)):
                raise
            log.log(logging.WARNING if patient else logging.INFO, "A call failed and is tried again: %s", error)
            doubted = doubted or doubtful
            await asyncio.sleep(max(delay, min(error.pause, MOST_PAUSE)))
    raise AssertionError


def pauses() -> Iterator[float]:
    """Yield seconds to wait for what may take a while to pass, each twice as long as before it, up to a limit."""
    pause, most = PAUSES
    while True:
        yield pause
        pause = min(2 * pause, most)


def _pause(error: BaseException) -> float:
    if isinstance(error, EverythingLimitedError):
        return error.pause
    response = getattr(error, "response", None)
    try:
        return max(0.0, float(response.headers["Retry-After"])) if response is not None else 0.0
    except (KeyError, ValueError, AttributeError):
        return 0.0


class DiscordTime:
    """Discord's clock, as its answers tell it: the host's own may be days off, and may jump."""

    def __init__(self) -> None:
        self._told: tuple[datetime, float] | None = None  # and when by the clock that can't be set

    def now(self) -> datetime:
        """Return the time; the host's, until Discord has told its own."""
        if self._told is None:
            return discord.utils.utcnow()
        told, at = self._told
        return told + timedelta(seconds=time.monotonic() - at)

    def note(self, headers: Mapping[str, str]) -> None:
        """Take the time from an answer's headers."""
        try:
            told = parsedate_to_datetime(headers["Date"])
        except (KeyError, ValueError):
            return  # the time noted before goes on
        self._told = told.replace(tzinfo=UTC), time.monotonic()


def listen(trace: aiohttp.TraceConfig, clock: DiscordTime) -> aiohttp.TraceConfig:
    """Have an HTTP session check every answer of Discord's API before discord.py reads it, and note its time.

    discord.py takes for granted that success is JSON and that a limit says for how long, and ends in a TypeError else.
    """

    async def check(
        session: aiohttp.ClientSession, context: SimpleNamespace, end: aiohttp.TraceRequestEndParams
    ) -> None:
        response = end.response
        asked = response.history[0].url if response.history else response.url
        if not str(asked).startswith(Route.BASE) or response.status >= 500:
            return  # discord.py waits and asks again, whatever the body is
        body = None if response.status == 204 else await _json(response)
        if response.status == 429:
            _check_limit(body)
        clock.note(response.headers)

    trace.on_request_end.append(check)
    return trace


def _check_limit(body: Any) -> None:
    """Raise NoAnswerError if a limit does not say for how long, and EverythingLimitedError if it is on everything."""
    pause = body.get("retry_after") if isinstance(body, dict) else None
    if not isinstance(pause, int | float):
        raise NoAnswerError
    if body.get("global"):
        raise EverythingLimitedError(pause)


async def _json(response: aiohttp.ClientResponse) -> Any:
    """Read a body as discord.py does. Raises NoAnswerError if it is no whole JSON."""
    if response.headers.get("Content-Type") != "application/json":
        raise NoAnswerError
    try:
        return json.loads(await response.read())
    except ValueError:
        raise NoAnswerError from None
