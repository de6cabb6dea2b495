"""Which messages Discord takes: their text, flags, mentions and files.

Facts of https://docs.discord.com/developers/resources/message and /reference, "Uploading Files".
"""

from collections.abc import Collection, Sequence

from tests.loopback.component_rules import check_components
from tests.loopback.files import stored_name
from tests.loopback.refusals import ApiError, Problems
from tests.loopback.wire import EPHEMERAL, V2, Payload, Sent, media

CONTENT = 2000
FILES = 10
SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS, VOICE = 1 << 2, 1 << 12, 1 << 13
NEW_FLAGS = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | VOICE | V2
EDIT_FLAGS = SUPPRESS_EMBEDS | V2
LEGACY = ("content", "embeds", "sticker_ids", "poll")  # what a message in components cannot have beside them


def check_size(sent: Sequence[Sent], file_limit: int, request_limit: int) -> None:
    """Refuse what is too large to be taken, or empty."""
    if any(len(file.data) > file_limit for file in sent) or sum(len(file.data) for file in sent) > request_limit:
        raise ApiError(40005)
    if not all(file.data for file in sent):
        raise ApiError(50046)


def check_new(body: Payload, sent: Sequence[Sent], inside: str, *, to_interaction: bool) -> None:
    """Check a message that is to be made. Raises ApiError."""
    problems = Problems(inside)
    _check_flags(body, NEW_FLAGS | (EPHEMERAL if to_interaction else 0), problems)
    v2 = bool((body.get("flags") or 0) & V2)
    _check(body, sent, problems, v2=v2, existing={})
    shown = [body.get(key) for key in ("embeds", "sticker_ids", "components", "poll")]
    if not str(body.get("content") or "").strip() and not any(shown) and (v2 or not sent):
        raise ApiError(50006)


def check_edit(
    body: Payload, sent: Sequence[Sent], inside: str, *, flags: int, content: str, has: dict[str, str]
) -> None:
    """Check an edit of a message that has such flags, such content and files of such names by id. Raises ApiError."""
    problems = Problems(inside)
    _check_flags(body, EDIT_FLAGS, problems)
    v2 = bool((flags | (body.get("flags") or 0)) & V2)
    if v2 and content and body.get("content", content):
        _refuse_legacy("content", problems)
    _check(body, sent, problems, v2=v2, existing=has)
    shown = [body.get(key) for key in ("embeds", "sticker_ids", "poll")]
    if "components" in body and not body["components"] and not any(shown) and not body.get("content", content):
        kept = body.get("attachments", has) or sent
        if v2 or not kept:
            raise ApiError(50006)


def _check_flags(body: Payload, allowed: int, problems: Problems) -> None:
    extra = (body.get("flags") or 0) & ~allowed
    if extra:
        problems.add("flags", "MESSAGE_FLAGS_INVALID", f"Flags {extra} can't be set here")


def _refuse_legacy(key: str, problems: Problems) -> None:
    what = f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
    problems.add(key, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", what)


def _check(body: Payload, sent: Sequence[Sent], problems: Problems, *, v2: bool, existing: dict[str, str]) -> None:
    problems.length("content", body.get("content"), CONTENT, 0)
    problems.length("nonce", None if body.get("nonce") is None else str(body["nonce"]), 25, 0)
    if v2:
        for key in LEGACY:
            if body.get(key):
                _refuse_legacy(key, problems)
    if len(body.get("embeds") or ()) > 10:
        problems.number("embeds", len(body["embeds"]), 0, 10)
    _check_mentions(body.get("allowed_mentions") or {}, problems)
    _check_files(body, sent, problems, existing)
    check_components(body.get("components") or [], problems, v2=v2)


def _check_mentions(allowed: Payload, problems: Problems) -> None:
    for kind in ("users", "roles"):
        listed = allowed.get(kind) or []
        if listed and kind in (allowed.get("parse") or ()):
            code = "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"
            problems.add("allowed_mentions", code, f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.')
        problems.number(f"allowed_mentions.{kind}", len(listed), 0, 100)
        problems.twice(f"allowed_mentions.{kind}", [str(id) for id in listed], "SET_TYPE_ALREADY_CONTAINS_VALUE")


def _check_files(body: Payload, sent: Sequence[Sent], problems: Problems, existing: dict[str, str]) -> None:
    listed = body.get("attachments")
    ids = [str(entry.get("id")) for entry in listed or []]
    problems.twice("attachments", ids, "ATTACHMENT_ID_DUPLICATED")
    problems.twice(
        "attachments", [file.name for file in sent], "ATTACHMENT_NAME_DUPLICATED"
    )  # `attachment://` of which?
    problems.number("attachments", max(len(ids), len(sent)), 0, FILES)
    for number, entry in enumerate(listed or []):
        if str(entry.get("id")) not in {*existing, *(file.number for file in sent)}:
            what = f"{entry.get('id')} is neither a file of the message nor one that is sent"
            problems.add(f"attachments.{number}.id", "ATTACHMENT_NOT_FOUND", what)
        problems.length(f"attachments.{number}.description", entry.get("description"), 1024, 0)
    names = there(body, sent, existing)
    for where, item in media(body.get("components") or []):
        name = str(item.get("url"))
        if name.startswith("attachment://") and name.removeprefix("attachment://") not in names:
            code = "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
            problems.add(where, code, f"Referenced attachment not found: {name}")


def there(body: Payload, sent: Sequence[Sent], existing: dict[str, str]) -> Collection[str]:
    """Return the names that `attachment://` finds: of files that a request brings, or lists among those to keep."""
    listed = {str(entry.get("id")) for entry in body.get("attachments") or []}
    names = {stored_name(file.name) for file in sent if "attachments" not in body or file.number in listed}
    return names | {name for id, name in existing.items() if id in listed}
