"""What travels between a client and the small Discord: bodies in and out, and the walk through components."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from tests.loopback.refusals import Problems

LOADING = 1 << 7  # a message that says that the bot is thinking
EPHEMERAL = 1 << 6
V2 = 1 << 15
Payload = dict[str, Any]

NOBODY: Payload = {"discriminator": "0", "avatar": None, "global_name": None, "primary_guild": None} | {
    "flags": 0,
    "public_flags": 0,
}
BOT: Payload = {**NOBODY, "id": "1000", "username": "janus", "bot": True}
ALICE: Payload = {**NOBODY, "id": "2000", "username": "alice"}


@dataclass(frozen=True)
class Sent:
    """A file that came with a request."""

    number: str  # of its part: what the body calls it by
    name: str
    data: bytes


def respond(body: Any, status: int = 200, **headers: str) -> web.Response:
    """Answer with JSON. discord.py parses it only if the type is exactly this one, with no character set behind it."""
    return web.Response(
        body=json.dumps(body).encode(), status=status, headers={"Content-Type": "application/json", **headers}
    )


async def read(request: web.Request) -> tuple[Any, list[Sent]]:
    """Return a request's JSON and its files: plain or in parts. Raises ApiError for parts of other names."""
    if not request.content_type.startswith("multipart/"):
        return (await request.json() if request.can_read_body else {}), []
    body: Payload = {}
    files: list[Sent] = []
    problems = Problems()
    async for part in await request.multipart():
        assert isinstance(part, aiohttp.BodyPartReader)
        number = re.fullmatch(r"files\[(\d+)\]", part.name or "")
        if part.name == "payload_json":
            body = json.loads(await part.text())
        elif number and part.filename:
            files.append(Sent(number[1], part.filename, bytes(await part.read())))
        else:
            problems.add("files", "BASE_TYPE_CHOICES", f"{part.name!r} is no file's part")
    problems.end()
    return body, files


def walk(parts: Sequence[Payload]) -> list[Payload]:
    """Every component, however deep."""
    return [part for _, part in paths(parts)]


def paths(parts: Sequence[Payload], where: str = "components") -> Iterator[tuple[str, Payload]]:
    """Every component, however deep, and the way to it."""
    for number, part in enumerate(parts):
        here = f"{where}.{number}"
        yield here, part
        yield from paths(part.get("components") or [], f"{here}.components")
        for key in ("accessory", "component"):
            if key in part:
                yield f"{here}.{key}", part[key]


def media(parts: Sequence[Payload]) -> Iterator[tuple[str, Payload]]:
    """Every picture or file that components show, and the way to it."""
    for where, part in paths(parts):
        match part.get("type"):
            case 11:
                yield f"{where}.media", part["media"]
            case 12:
                for number, item in enumerate(part["items"]):
                    yield f"{where}.items.{number}.media", item["media"]
            case 13:
                yield f"{where}.file", part["file"]
