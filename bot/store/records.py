"""What the store knows of one job: what was asked, where its answer goes, where it stands, and what came out."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal, Self

from bot.store.database import Value
from model.requests import COUNT, Answer, Drawing, Failed, Kind, Pictures, Question

State = Literal["accepted", "running", "made", "delivered", "undelivered", "failed", "cancelled"]

BEFORE: Final[Mapping[State, Sequence[State]]] = {  # the states from which a job can come into each
    "made": ("accepted", "running"),
    "delivered": ("made",),
    "undelivered": ("made",),
    "failed": ("accepted", "running", "made"),
    "cancelled": ("accepted", "running"),
}
NOT_KEPT: Final = ("pictures", "turns", "id", "owner")  # `conversations` has the first two, columns the others
FILE_BYTES: Final = 10 * 2**20  # what Discord takes from everybody


@dataclass(frozen=True, slots=True)
class Enlargement:
    """A picture to enlarge: number `picture` (from 0) of the drawing `job`."""

    kind: ClassVar[Kind] = "enlargement"

    job: str
    picture: int
    prompt: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a picture that was handed in is read from, until that is done."""

    filename: str
    url: str  # Discord's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the answer to a job goes: all that it takes to bring it there, in this process or in a later one."""

    guild: int | None
    channel: int | None
    message: int | None = None  # the one that shows the job; None: it may have been sent, but nobody noted it
    reply_to: int | None = None  # the message that asked; None: an interaction did
    private: bool = False  # only who asked sees it
    token: str | None = None  # of the interaction: whoever knows it may edit its message
    token_ends: datetime | None = None
    channel_open: bool = False  # the answer may go to the channel as a message of its own
    language: str = "en-US"  # of who reads it, by Discord's name
    file_bytes: int = FILE_BYTES  # the largest file that Discord takes there


@dataclass(frozen=True, slots=True)
class Origin:
    """Who pressed the button that a job answers, and what it goes on from: of a command, Discord itself says it."""

    member: int
    action: str
    picture: int | None = None  # from 0
    link: str | None = None  # the message that the button was on


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One job. Pictures and turns are not part of it: a `Question` and `Pictures` come back without any."""

    id: str
    request: Drawing | Question | Enlargement
    owner: int
    address: Address
    asked: datetime
    model: str
    state: State = "accepted"
    attempt: int = 0  # how often it was begun in this state, those aside that ended in order
    sent: int = 0  # files of its result that Discord has
    spoiler: bool = False
    origin: Origin | None = None
    notes: Sequence[str] = ()  # small lines that belong under its result
    sources: Sequence[Source] = ()
    conversation: str | None = None  # its pictures are kept under this id: a question's first one, an enlargement's own
    parent: str | None = None  # the question that this one goes on from
    ended: datetime | None = None
    ended_by: int | None = None  # who cancelled it, if not who asked; as long as the process knows
    told: datetime | None = None  # when its member was told that it failed or was cancelled
    result: Pictures | Answer | None = None
    failure: Failed | None = None

    @property
    def kind(self) -> Kind:
        """Which kind of job it is."""
        return self.request.kind

    @property
    def requests(self) -> int:
        """How many requests it counts as: a drawing draws no more pictures for each of them than one may ask for."""
        return -(-self.request.candidates // COUNT[1]) if isinstance(self.request, Drawing) else 1

    @property
    def words(self) -> str:
        """What was asked for, in the member's words."""
        return self.request.question if isinstance(self.request, Question) else self.request.prompt

    def words_of(self, picture: int) -> str:
        """Return what one picture of it, from 0, is of."""
        seeds = self.result.seeds if isinstance(self.result, Pictures) else ()
        known = isinstance(self.request, Drawing) and picture < len(seeds)
        return self.request.words(seeds[picture]) if isinstance(self.request, Drawing) and known else self.words

    @property
    def link(self) -> str | None:
        """The address of its message, where others can see it, too."""
        address = self.address
        if address.private or address.message is None:
            return None
        return f"https://discord.com/channels/{address.guild or '@me'}/{address.channel}/{address.message}"

    @property
    def repeatable(self) -> bool:
        """Whether *Try again* can ask for the same. A picture to enlarge would have to be found again."""
        return not isinstance(self.request, Enlargement)

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """Make a record from its row."""
        return cls(
            id=row["id"],
            request=_request(row["kind"], row["id"], row["owner"], json.loads(row["request"])),
            owner=row["owner"],
            address=Address(
                guild=row["guild"],
                channel=row["channel"],
                message=row["message"],
                reply_to=row["reply_to"],
                private=bool(row["private"]),
                token=row["token"],
                token_ends=_moment(row["token_ends"]),
                channel_open=bool(row["channel_open"]),
                language=row["language"],
                file_bytes=row["file_bytes"],
            ),
            asked=datetime.fromtimestamp(row["asked"], UTC),
            model=row["model"],
            state=row["state"],
            attempt=row["attempt"],
            sent=row["sent"],
            spoiler=bool(row["spoiler"]),
            origin=Origin(**json.loads(row["origin"])) if row["origin"] else None,
            notes=tuple(json.loads(row["notes"])),
            sources=tuple(Source(*source) for source in json.loads(row["sources"])),
            conversation=row["conversation"],
            parent=row["parent"],
            ended=_moment(row["ended"]),
            told=_moment(row["told"]),
            result=_result(row["kind"], json.loads(row["result"])) if row["result"] else None,
            failure=Failed(**json.loads(row["failure"])) if row["failure"] else None,
        )

    def values(self) -> dict[str, Value]:
        """Return what its row holds when it is new."""
        request = to_json(self.request)
        return {
            "id": self.id,
            "kind": self.kind,
            "request": request,
            "bytes": len(request.encode()),
            "owner": self.owner,
            "asked": self.asked.timestamp(),
            "model": self.model,
            "state": self.state,
            "spoiler": self.spoiler,
            "origin": to_json(self.origin) if self.origin else None,
            "notes": json.dumps(self.notes),
            "sources": json.dumps([(source.filename, source.url) for source in self.sources]),
            "conversation": self.conversation,
            "parent": self.parent,
            **address_values(self.address),
        }


def address_values(address: Address) -> dict[str, Value]:
    """Return what a row holds of an address."""
    values = {field.name: getattr(address, field.name) for field in fields(address)}
    return {**values, "token_ends": address.token_ends and address.token_ends.timestamp()}


def to_json(kept: Drawing | Question | Enlargement | Origin | Pictures | Answer | Failed) -> str:
    """Write down what was asked for or what came out, without what is kept elsewhere."""
    values = {field.name: getattr(kept, field.name) for field in fields(kept) if field.name not in NOT_KEPT}
    return json.dumps(values, default=asdict, separators=(",", ":"))


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _request(kind: Kind, job_id: str, owner: int, values: Mapping[str, Any]) -> Drawing | Question | Enlargement:
    who = {"id": job_id, "owner": str(owner)}
    match kind:
        case "drawing":
            several = {key: tuple(values.get(key, ())) for key in ("kept", "prompts")}  # older ones have no prompts
            return Drawing(**{**values, **who, **several})
        case "question":
            values = {key: value for key, value in values.items() if key != "turns"}  # older versions wrote them here
            return Question(**{**values, **who, "pictures": ()})
        case "enlargement":
            return Enlargement(**values)


def _result(kind: Kind, values: Mapping[str, Any]) -> Pictures | Answer:
    if kind == "question":
        return Answer(**values)
    tokens = tuple(tuple(picture) for picture in values["tokens"])
    judged = tuple(values.get("judged", ()))  # older ones were never judged
    return Pictures((), tokens, tuple(values["seeds"]), values["seconds"], judged)
