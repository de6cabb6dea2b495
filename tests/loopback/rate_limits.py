"""Discord's limits of requests: by route, by what stands at the root of its path, and for the bot as a whole.

A second of Discord's lasts `second` seconds here, so that tests need not wait.
"""

import hashlib
import math
import re
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from aiohttp import web

from tests.loopback.refusals import ApiError

GLOBAL = 50  # requests a second; answers to interactions do not count
MESSAGES = r"/channels/(?P<major>\d+)/messages"
WEBHOOK = r"/webhooks/(?P<major>\d+/[^/]+)"


class Rule(NamedTuple):
    """A route that has a limit of its own, for each `major` in its path."""

    method: str
    path: str
    requests: int
    seconds: float


RULES = (
    Rule("POST", MESSAGES, 5, 5),
    Rule("PATCH", MESSAGES + r"/\d+", 5, 5),
    Rule("DELETE", MESSAGES + r"/\d+", 5, 1),
    Rule("GET", MESSAGES + r"(/\d+)?", 5, 1),
    Rule("POST", WEBHOOK, 5, 2),
    Rule("GET", WEBHOOK + r"/messages/[@\w]+", 5, 2),
    Rule("PATCH", WEBHOOK + r"/messages/[@\w]+", 5, 2),
    Rule("DELETE", WEBHOOK + r"/messages/[@\w]+", 5, 2),
)


@dataclass
class Window:
    """A span of time in which some requests may come."""

    ends: float
    used: int = 0


@dataclass
class RateLimits:
    """How many requests came. A test sets `second` to 1.0 for Discord's own pace, and reads `refused`."""

    second: float = 0.1
    enabled: bool = True
    refused: list[tuple[str, str]] = field(default_factory=list)
    _windows: dict[tuple[str, str], Window] = field(default_factory=dict)

    def count(self, request: web.Request, path: str) -> dict[str, str]:
        """Take a request to a path below the API's root; return the headers of its answer. Raises ApiError."""
        if not self.enabled:
            return {}
        if not path.startswith(("/interactions/", "/webhooks/")):
            everything = self._window("", "", 1)
            everything.used += 1
            if everything.used > GLOBAL:
                raise self._refusal(request, everything, {"X-RateLimit-Global": "true"}, "global")
        for rule in RULES:
            found = re.fullmatch(rule.path, path)
            if rule.method == request.method and found:
                name = hashlib.md5(f"{rule.method} {rule.path}".encode(), usedforsecurity=False).hexdigest()
                window = self._window(name, found["major"], rule.seconds)
                window.used += 1
                headers = self._headers(rule, name, window)
                if window.used > rule.requests:
                    raise self._refusal(request, window, headers, "user")
                return headers
        return {}

    def _window(self, name: str, major: str, seconds: float) -> Window:
        now, key = time.monotonic(), (name, major)
        if key not in self._windows or self._windows[key].ends <= now:
            self._windows[key] = Window(now + seconds * self.second)
        return self._windows[key]

    def _headers(self, rule: Rule, name: str, window: Window) -> dict[str, str]:
        left = max(window.ends - time.monotonic(), 0.001)
        return {
            "X-RateLimit-Limit": str(rule.requests),
            "X-RateLimit-Remaining": str(max(rule.requests - window.used, 0)),
            "X-RateLimit-Reset": f"{time.time() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": name,
        }

    def _refusal(self, request: web.Request, window: Window, headers: dict[str, str], scope: str) -> ApiError:
        self.refused.append((request.method, request.path))
        left = max(window.ends - time.monotonic(), 0.001)
        around = {"Retry-After": str(math.ceil(left)), "X-RateLimit-Scope": scope, "Via": "1.1 google"}
        more = {"message": "You are being rate limited.", "retry_after": round(left, 3), "global": scope == "global"}
        return ApiError(0, status=429, headers=headers | around, **more)
