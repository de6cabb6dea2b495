"""Discord's files: read with a limit of seconds and of bytes, from the address that Discord gave and from no other."""

from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp
import discord

from bot.core.rest import calling, insist

READ_SECONDS: Final = 30.0  # for one file, further attempts and pauses included: 10 MiB at 3 Mbit/s
CHUNK: Final = 64 * 1024  # bytes
PLAIN: Final = {"Accept-Encoding": "identity"}  # what is packed could be small on the way and large here

Read = Callable[[str, int], Awaitable[bytes]]
"""Reads a file of Discord's, of so many bytes at the most: `Cdn.read`, or that of a simulated Discord."""


class TooManyBytesError(Exception):
    """A file is larger than it may be."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes or more")
        self.size = size  # bytes, as far as they were told or counted


class Cdn:
    """Discord's servers of files. `close` it after use."""

    def __init__(self, trace: aiohttp.TraceConfig) -> None:
        self._trace = trace
        self._opened: aiohttp.ClientSession | None = None

    async def read(self, url: str, most: int) -> bytes:
        """Read a file. Raises TooManyBytesError, as soon as that is known, or DiscordError."""
        async with calling(READ_SECONDS):
            return await insist(lambda: self._read(url, most), READ_SECONDS)

    async def close(self) -> None:
        """Close the connections. Safe to repeat."""
        session, self._opened = self._opened, None
        if session:
            await session.close()

    async def _read(self, url: str, most: int) -> bytes:
        async with self._session.get(url, headers=PLAIN, allow_redirects=False) as response:
            if response.status != 200:
                raise discord.HTTPException(response, None)
            if (response.content_length or 0) > most:
                raise TooManyBytesError(response.content_length or 0)
            data = bytearray()
            async for chunk in response.content.iter_chunked(CHUNK):
                data += chunk
                if len(data) > most:
                    raise TooManyBytesError(len(data))
            return bytes(data)

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                trace_configs=[self._trace], cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            )
        return self._opened
