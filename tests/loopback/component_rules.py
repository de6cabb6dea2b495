"""Which components Discord takes, in messages and in forms.

Facts of https://docs.discord.com/developers/components/reference; the size beyond which it answers with 500 is that of
https://github.com/discord/discord-api-docs/issues/8554.
"""

from collections.abc import Sequence
from typing import Any

from tests.loopback.refusals import ApiError, Problems
from tests.loopback.wire import Payload, media, paths

ROW, BUTTON, TEXT_INPUT, SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER, LABEL = (
    *(1, 2, 4, 9, 10, 11, 12, 13, 14, 17, 18),
)
SELECTS = {3, 5, 6, 7, 8}
UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 19, 21, 22, 23
LAYOUT = {ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR}
INSIDE = {  # what each may hold
    ROW: {BUTTON, *SELECTS},
    SECTION: {TEXT},
    CONTAINER: LAYOUT,
}
FIELDS = {TEXT_INPUT, *SELECTS, UPLOAD, RADIO, CHECKBOXES, CHECKBOX}
COMPONENTS = 40
CHARACTERS = 4000
BYTES, BYTES_A_TEXT = 10_170, 12  # of all texts, and what each takes beside its own


def check_components(parts: Sequence[Payload], problems: Problems, *, v2: bool) -> None:
    """Check a message's components. Raises ApiError where Discord breaks."""
    _check_kinds("components", parts, {*LAYOUT, CONTAINER} if v2 else {ROW}, problems)
    everything = list(paths(parts))
    if len(everything) > COMPONENTS:
        problems.add("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", f"More than {COMPONENTS} components")
    if not v2 and len(parts) > 5:
        problems.number("components", len(parts), 1, 5)
    texts = [str(part.get("content") or "") for _, part in everything if part.get("type") == TEXT]
    if sum(map(len, texts)) > CHARACTERS:
        what = f"The total displayable text size exceeds the maximum of {CHARACTERS}"
        problems.add("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", what)
    _check_names(everything, problems)
    for where, part in everything:
        _check_one(where, part, problems)
    for where, item in media(parts):
        if not str(item.get("url") or "").startswith(("attachment://", "http://", "https://")):
            problems.add(f"{where}.url", "URL_TYPE_INVALID_SCHEME", "Scheme must be one of attachment, http, https.")
    problems.end()
    if sum(len(text.encode()) + BYTES_A_TEXT for text in texts) > BYTES:
        raise ApiError(0, status=500, message="500: Internal Server Error")


def check_form(form: Payload, problems: Problems) -> None:
    """Check a form. Raises ApiError."""
    problems.length("title", form.get("title"), 45)
    problems.length("custom_id", form.get("custom_id"), 100)
    parts = form.get("components") or []
    problems.number("components", len(parts), 1, 5)
    _check_kinds("components", parts, {ROW, TEXT, LABEL}, problems, rows={TEXT_INPUT})
    everything = list(paths(parts))
    _check_names(everything, problems)
    for where, part in everything:
        _check_one(where, part, problems)
        if part.get("type") == LABEL:
            problems.length(f"{where}.label", part.get("label"), 45)
            problems.length(f"{where}.description", part.get("description"), 100, 0)
            if (part.get("component") or {}).get("type") not in FIELDS:
                choices = ", ".join(map(str, sorted(FIELDS)))
                what = f'Value of field "type" must be one of ({choices}).'
                problems.add(f"{where}.component.type", "UNION_TYPE_CHOICES", what)
    problems.end()


def _check_kinds(
    where: str, parts: Sequence[Payload], allowed: set[int], problems: Problems, rows: set[int] | None = None
) -> None:
    for number, part in enumerate(parts):
        kind = part.get("type")
        here = f"{where}.{number}"
        if kind not in allowed:
            choices = ", ".join(map(str, sorted(allowed)))
            problems.add(f"{here}.type", "UNION_TYPE_CHOICES", f'Value of field "type" must be one of ({choices}).')
            continue
        assert isinstance(kind, int)
        inner = rows if kind == ROW and rows else INSIDE.get(kind)
        if inner:
            _check_kinds(f"{here}.components", part.get("components") or [], inner, problems)
        if kind == SECTION and (part.get("accessory") or {}).get("type") not in (BUTTON, THUMBNAIL):
            problems.add(f"{here}.accessory", "UNION_TYPE_CHOICES", 'Value of field "type" must be one of (2, 11).')


def _check_names(everything: Sequence[tuple[str, Payload]], problems: Problems) -> None:
    seen: set[tuple[str, Any]] = set()
    for where, part in everything:
        for key, code in (("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED"), ("id", "COMPONENT_ID_DUPLICATED")):
            if not part.get(key):
                continue
            if (key, part[key]) in seen:
                problems.add(f"{where}.{key}", code, f"Component {key} cannot be duplicated")
            seen.add((key, part[key]))


def _check_one(where: str, part: Payload, problems: Problems) -> None:
    kind = part.get("type")
    if kind in {TEXT_INPUT, *SELECTS, UPLOAD, RADIO, CHECKBOXES, CHECKBOX}:
        problems.length(f"{where}.custom_id", part.get("custom_id"), 100)
    match kind:
        case 1:
            children = [child.get("type") for child in part.get("components") or []]
            problems.number(f"{where}.components", len(children), 1, 5)
            if len(children) > 1 and SELECTS & set(children):
                problems.add(f"{where}.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "exceeds the maximum width")
        case 2:
            _check_button(where, part, problems)
        case 4:
            _check_text_input(where, part, problems)
        case 9:
            problems.number(f"{where}.components", len(part.get("components") or []), 1, 3)
        case 10:
            problems.length(f"{where}.content", part.get("content"), CHARACTERS)
        case 11:
            _check_described(where, part, problems)
        case 12:
            problems.number(f"{where}.items", len(part.get("items") or []), 1, 10)
            for number, item in enumerate(part.get("items") or []):
                _check_described(f"{where}.items.{number}", item, problems)
        case 13:
            if not part["file"]["url"].startswith("attachment://"):
                problems.add(f"{where}.file.url", "URL_TYPE_INVALID_SCHEME", "Scheme must be one of attachment.")
        case 19:
            _check_bounds(where, part, 10, problems)
        case 21 | 22:
            problems.number(f"{where}.options", len(part.get("options") or []), 2 if kind == RADIO else 1, 10)
        case 23 if "required" in part:
            problems.add(f"{where}.required", "BASE_TYPE_CHOICES", "A checkbox is never required")
        case kind if kind in SELECTS:
            _check_select(where, part, problems)


def _check_described(where: str, part: Payload, problems: Problems) -> None:
    if part.get("description") is not None:
        problems.length(f"{where}.description", part["description"], 1024)


def _check_button(where: str, part: Payload, problems: Problems) -> None:
    style = part.get("style")
    if style in (1, 2, 3, 4):
        problems.length(f"{where}.custom_id", part.get("custom_id"), 100)
        if part.get("url"):
            problems.add(f"{where}.url", "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", "A custom id or an url")
    elif style == 5:
        problems.length(f"{where}.url", part.get("url"), 512)
        if part.get("custom_id"):
            code = "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE"
            problems.add(f"{where}.custom_id", code, "A custom id or an url")
    elif style != 6:
        problems.add(f"{where}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2, 3, 4, 5, 6}.")
    if part.get("label") is not None or not part.get("emoji"):
        problems.length(f"{where}.label", part.get("label"), 80)


def _check_bounds(where: str, part: Payload, top: int, problems: Problems) -> None:
    least, most = (1 if part.get(key) is None else part[key] for key in ("min_values", "max_values"))
    if not 0 <= least <= top or not 1 <= most <= top or least > most:
        problems.add(f"{where}.min_values", "NUMBER_TYPE_MIN", f"From {least} to {most} is nothing up to {top}")


def _check_select(where: str, part: Payload, problems: Problems) -> None:
    _check_bounds(where, part, 25, problems)
    problems.length(f"{where}.placeholder", part.get("placeholder"), 150, 0)
    if part["type"] != 3:
        return
    options = part.get("options") or []
    problems.number(f"{where}.options", len(options), 1, 25)
    for number, option in enumerate(options):
        for key, least in (("label", 1), ("value", 1), ("description", 0)):
            problems.length(f"{where}.options.{number}.{key}", option.get(key), 100, least)
    problems.twice(f"{where}.options", [option.get("value") for option in options], "SELECT_COMPONENT_OPTION_VALUE")


def _check_text_input(where: str, part: Payload, problems: Problems) -> None:
    least, most = part.get("min_length") or 0, part.get("max_length")
    if not 0 <= least <= CHARACTERS or (most is not None and not max(least, 1) <= most <= CHARACTERS):
        problems.add(f"{where}.min_length", "NUMBER_TYPE_MIN", f"From {least} to {most} characters")
    problems.length(f"{where}.value", part.get("value"), most or CHARACTERS, 0)
    problems.length(f"{where}.placeholder", part.get("placeholder"), 100, 0)
    if part.get("style") not in (1, 2):
        problems.add(f"{where}.style", "BASE_TYPE_CHOICES", "Value must be one of {1, 2}.")
