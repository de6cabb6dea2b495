"""What the small Discord says when it refuses: a status, a code, and where the request was wrong."""

from typing import Any

KNOWN = {  # the status and the words that go with a code
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10008: (404, "Unknown Message"),
    10013: (404, "Unknown User"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later"),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    40094: (400, "This interaction has reached the maximum number of follow ups"),
    50001: (403, "Missing Access"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50008: (400, "Cannot send messages in a non-text channel"),
    50013: (403, "Missing Permissions"),
    50027: (401, "Invalid Webhook Token"),
    50035: (400, "Invalid Form Body"),
    50046: (400, "Invalid file uploaded"),
    50083: (400, "Thread is archived"),
    160002: (400, "Cannot reply without permission to read message history"),
    160005: (403, "Thread is locked"),
}


class ApiError(Exception):
    """A request that is answered with an error. `more` goes into the answer's body, `headers` around it."""

    def __init__(self, code: int, *, status: int = 0, headers: dict[str, str] | None = None, **more: Any) -> None:
        known, message = KNOWN.get(code, (status, ""))
        self.status = status or known
        self.body = {"code": code, "message": message, **more}
        self.headers = headers or {}
        super().__init__(f"{self.status} {self.body}")


class Problems:
    """What is wrong with a body, by where. `end` raises ApiError if there is anything."""

    def __init__(self, inside: str = "") -> None:
        self._inside = inside
        self._found: dict[str, Any] = {}

    def add(self, where: str, code: str, message: str) -> None:
        """Note one problem. `where`: the way to the field, as "components.0.label"."""
        here = self._found
        for step in filter(None, f"{self._inside}.{where}".split(".")):
            here = here.setdefault(step, {})
        here.setdefault("_errors", []).append({"code": code, "message": message})

    def length(self, where: str, text: Any, most: int, least: int = 1) -> None:
        """Check a text's length in code points, as Discord counts it once spaces around it are gone."""
        if text is None:
            if least:
                self.add(where, "BASE_TYPE_REQUIRED", "This field is required")
        elif not isinstance(text, str):
            self.add(where, "STRING_TYPE_CONVERT", f"Could not interpret {text!r} as string.")
        elif len(text) > most or len(text.strip()) < least:
            if least:
                self.add(where, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
            else:
                self.add(where, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")

    def number(self, where: str, count: int, least: int, most: int) -> None:
        """Check how many there are of something."""
        if not least <= count <= most:
            self.add(where, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")

    def twice(self, where: str, values: list[Any], code: str) -> None:
        """Check that no value comes twice."""
        for value in {value for value in values if values.count(value) > 1}:
            self.add(where, code, f"{value!r} is there twice")

    def end(self) -> None:
        """Refuse if anything was wrong."""
        if self._found:
            raise ApiError(50035, errors=self._found)
