"""The files that were uploaded: the CDN hands them over as they came, the proxy a copy of its own making."""

import hashlib
import io
import mimetypes
import re
import time
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web
from PIL import Image, UnidentifiedImageError

from tests.loopback.wire import Payload

Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]

SPOILER = 1 << 3  # of an attachment's flags
LOADED, NOT_FOUND = 2, 3  # loading states of a media item
DAY = 86_400.0
GONE = "This content is no longer available."


@dataclass
class StoredFile:
    """A file of a message, or one that a member handed in. A fault in place of bytes answers whoever fetches it."""

    id: str
    folder: str  # of its address
    name: str
    data: bytes | Fault
    title: str | None = None  # what it was called, if its name had to be changed
    description: str | None = None
    ephemeral: bool = False

    @property
    def size(self) -> int:
        return len(self.data) if isinstance(self.data, bytes) else 100

    @property
    def path(self) -> str:
        return f"/{self.folder}/{self.id}/{quote(self.name)}"

    @property
    def content_type(self) -> str | None:
        """What Discord takes it for, by its name."""
        return "image/webp" if self.name.endswith(".webp") else mimetypes.guess_type(self.name)[0]

    def dimensions(self) -> dict[str, int]:
        """Width and height, if it is a picture."""
        if not isinstance(self.data, bytes) or not (self.content_type or "").startswith("image/"):
            return {}
        try:
            with Image.open(io.BytesIO(self.data)) as image:
                return {"width": image.width, "height": image.height}
        except (UnidentifiedImageError, OSError):
            return {}


class Files:
    """All that was uploaded, by id. `link_seconds` is how long new addresses hold."""

    def __init__(self) -> None:
        self.cdn_base = ""
        self.proxy_base = ""
        self.link_seconds = DAY
        self.stored: dict[str, StoredFile] = {}
        self.web: dict[str, bytes] = {}  # what stands elsewhere, by address

    def url(self, file: StoredFile) -> str:
        return f"{self.cdn_base}/cdn{file.path}?{self._signed(file.path)}"

    def attachment(self, file: StoredFile) -> Payload:
        """Return a file as a message's `attachments` list it."""
        told = {"content_type": file.content_type, "title": file.title, "description": file.description}
        return {
            "id": file.id,
            "filename": file.name,
            "size": file.size,
            "url": self.url(file),
            "proxy_url": f"{self.proxy_base}{file.path}?{self._signed(file.path)}",
            "flags": SPOILER if file.name.startswith("SPOILER_") else 0,
            **file.dimensions(),
            **({"ephemeral": True} if file.ephemeral else {}),
            **{key: value for key, value in told.items() if value is not None},
        }

    def media_of(self, file: StoredFile) -> Payload:
        """Return a file as the component that shows it has it."""
        attachment = self.attachment(file)
        return {
            "id": file.id,
            "url": attachment["url"],
            "proxy_url": attachment["proxy_url"],
            "attachment_id": file.id,
            "content_type": file.content_type,
            "width": attachment.get("width"),
            "height": attachment.get("height"),
            "flags": attachment["flags"],
            "loading_state": LOADED,
            "placeholder": None,
            "placeholder_version": None,
        }

    def media_at(self, url: str, id: str) -> Payload:
        """Return what is shown by an address. It is nobody's attachment, even where the address is the CDN's."""
        found = self._at(url)
        copy = f"/external/{hashlib.sha256(url.encode()).hexdigest()[:40]}/{url.replace('://', '/')}"
        return {
            "id": id,
            "url": url,
            "proxy_url": self.proxy_base + copy,
            "content_type": found.content_type if found else None,
            **({"width": None, "height": None} | (found.dimensions() if found else {})),
            "flags": 0,
            "loading_state": LOADED if found else NOT_FOUND,
        }

    async def cdn(self, request: web.Request) -> web.StreamResponse:
        """Hand a file over, byte for byte, to whoever has an address that still holds."""
        file = self.stored.get(request.match_info["id"])
        until = request.query.get("ex", "0")
        if file is None or request.query.get("hm") != _seal(file.path, until) or int(until, 16) <= time.time():
            return web.Response(status=404, text=GONE)
        return await file.data(request) if callable(file.data) else web.Response(body=file.data)

    async def proxy(self, request: web.Request) -> web.StreamResponse:
        """Hand over a copy, which for a picture is another file: smaller, and without what its maker wrote into it."""
        found = self._at(str(request.url)) if request.path.startswith("/external/") else None
        file = found or self.stored.get(request.match_info.get("id", ""))
        if file is None:
            return web.Response(status=404, text=GONE)
        if callable(file.data):
            return await file.data(request)
        if not file.dimensions():
            return web.Response(body=file.data)
        copy = io.BytesIO()
        with Image.open(io.BytesIO(file.data)) as image:
            image.convert("RGBA" if image.has_transparency_data else "RGB").save(copy, "WEBP", quality=90)
        return web.Response(body=copy.getvalue(), content_type="image/webp")

    def _at(self, url: str) -> StoredFile | None:
        """Find what stands at an address, or at the one that an address of the proxy's stands for."""
        if external := re.search(r"/external/\w+/(https?)/(.+)", url):
            url = f"{external[1]}://{external[2]}"
        if url.startswith(f"{self.cdn_base}/cdn/"):
            return self.stored.get(url.partition("?")[0].split("/")[-2])
        data = self.web.get(url)
        return None if data is None else StoredFile("0", "", url.partition("?")[0].rpartition("/")[2], data)

    def _signed(self, path: str) -> str:
        now = time.time()
        until = f"{int(now + self.link_seconds):x}"
        return f"ex={until}&is={int(now):x}&hm={_seal(path, until)}&"


def _seal(path: str, until: str) -> str:
    return hashlib.sha256(f"{path} {until}".encode()).hexdigest()


def stored_name(name: str) -> str:
    """Return what Discord makes of a file's name: letters of ASCII, digits, and three signs."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^\w.-]", "", plain.replace(" ", "_"), flags=re.ASCII).lstrip(".-") or "unknown"
