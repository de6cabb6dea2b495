"""What the small Discord knows: channels, messages and interactions, and who may do what."""

import asyncio
import time
from dataclasses import dataclass, field

from tests.loopback.files import Files
from tests.loopback.messages import Desk, Message
from tests.loopback.rate_limits import RateLimits
from tests.loopback.refusals import ApiError
from tests.loopback.wire import ALICE, BOT, Payload

EPOCH = 1420070400000  # Discord's, in milliseconds
VIEW, SEND, MANAGE_MESSAGES, ATTACH, HISTORY = 1 << 10, 1 << 11, 1 << 13, 1 << 15, 1 << 16
MANAGE_THREADS, OPEN_THREADS, SEND_IN_THREADS = 1 << 34, 1 << 35, 1 << 38
USUAL = VIEW | SEND | ATTACH | HISTORY | SEND_IN_THREADS | OPEN_THREADS
TEXT, DM, VOICE, CATEGORY, NEWS, NEWS_THREAD, THREAD, PRIVATE_THREAD, STAGE, FORUM = 0, 1, 2, 4, 5, 10, 11, 12, 13, 15
THREADS = (NEWS_THREAD, THREAD, PRIVATE_THREAD)
SILENT = (CATEGORY, FORUM)  # nobody writes there
GUILD, AWAY_GUILD, HERE, AWAY, PRIVATE = "3000", "3900", "4000", "4900", "5000"

MEMBER = {"roles": [], "joined_at": "2026-01-01T00:00:00+00:00", "flags": 0, "deaf": False, "mute": False}


@dataclass
class Channel:
    """A channel, and what the bot may do there. A test sets any of it, at any time."""

    id: str
    type: int = TEXT
    name: str = "pictures"
    guild_id: str | None = GUILD
    parent_id: str | None = None
    permissions: int = USUAL
    archived: bool = False  # a thread that nobody wrote in for long: it opens again when somebody does
    locked: bool = False  # a thread that only moderators open again
    nsfw: bool = False
    closed: bool = False  # a person who takes no direct messages
    nonces: dict[str, Message] = field(default_factory=dict)

    def payload(self) -> Payload:
        if self.type == DM:
            return {"id": self.id, "type": DM, "recipients": [ALICE], "last_message_id": None, "flags": 0}
        told: Payload = {"id": self.id, "type": self.type, "name": self.name, "guild_id": self.guild_id, "flags": 0}
        if self.type in THREADS:
            when = "2026-01-01T00:00:00+00:00"
            state = {"archived": self.archived, "locked": self.locked, "auto_archive_duration": 1440}
            more = {"owner_id": ALICE["id"], "message_count": 0, "total_message_sent": 0, "member_count": 1}
            return told | more | {"parent_id": self.parent_id, "thread_metadata": state | {"archive_timestamp": when}}
        own = {
            "id": BOT["id"],
            "type": 1,
            "allow": str(self.permissions & ~USUAL),
            "deny": str(USUAL & ~self.permissions),
        }
        if self.type in (VOICE, STAGE):
            told |= {"bitrate": 64000, "user_limit": 0, "rtc_region": None}
        return told | {"position": 0, "permission_overwrites": [own], "nsfw": self.nsfw, "parent_id": self.parent_id}


@dataclass
class Interaction:
    """Something that a member did with the bot, and what came of it. A test may set `born` back."""

    id: str
    token: str
    type: int
    channel: Channel
    message: Message | None = None  # the one whose button was pressed
    answer: int | None = None  # the type of the callback
    waited: float | None = None  # seconds for it
    original: Message | None = None  # the response
    form: Payload | None = None  # that it was answered with
    own_app: bool = False  # only the member brought the bot along
    follow_ups: int = 0
    born: float = field(default_factory=time.monotonic)

    @property
    def age(self) -> float:
        return time.monotonic() - self.born


class State:
    """All of it. `messages` has responses by their token, follow-ups by "TOKEN+1" and so on, others by id."""

    def __init__(self) -> None:
        self.base = ""
        self.token = "a-token"
        self.delay = 0.0  # seconds on the way to it
        self.answer_seconds = 3.0  # that an interaction waits for its answer
        self.token_seconds = 15 * 60.0
        self.file_limit = 10 * 2**20
        self.request_limit = 25 * 2**20  # bytes of all files; less where something stands before Discord
        self.old_edits = 30  # that Discord allows in an hour on messages older than one
        self.user_installed = False  # alice brought the bot along, to a server that it is no member of
        self.user_install_enabled = True  # the application may be brought along at all, by the portal's switch
        self.messages: dict[str, Message] = {}
        self.interactions: dict[str, Interaction] = {}  # by token
        self.channels = {
            HERE: Channel(HERE),
            AWAY: Channel(AWAY, guild_id=AWAY_GUILD, permissions=0),
            PRIVATE: Channel(PRIVATE, DM, guild_id=None),
        }
        self.commands: dict[str, Payload] = {}
        self.requests: list[tuple[str, str]] = []
        self.refuses_rightly = False  # a test that has it refuse something says so
        self.refusals: list[tuple[str, str, ApiError]] = []  # all that was refused: method, path, and why
        self.limits = RateLimits()
        self.files = Files()
        self.desk = Desk(self.files, self.snowflake)
        self.identified = asyncio.Event()
        self.resumed = asyncio.Event()
        self._last_id = 0

    def snowflake(self) -> str:
        self._last_id = max(self._last_id + 1, (int(time.time() * 1000) - EPOCH) << 22)
        return str(self._last_id)

    def guild(self) -> Payload:
        """Return the one server that the bot is on."""
        everyone = {"id": GUILD, "name": "@everyone", "permissions": str(USUAL), "position": 0, "color": 0, "flags": 0}
        here = [channel for channel in self.channels.values() if channel.guild_id == GUILD]
        return {
            "id": GUILD,
            "name": "server",
            "owner_id": ALICE["id"],
            "roles": [everyone],
            "channels": [channel.payload() for channel in here if channel.type not in THREADS],
            "threads": [channel.payload() for channel in here if channel.type in THREADS and not channel.archived],
            "members": [{"user": BOT, **MEMBER}],
            "emojis": [],
            "features": [],
            "member_count": 2,
        }

    async def dispatch(self, event: str, data: Payload) -> None:
        """Tell the bot of something, if it listens."""
        raise NotImplementedError

    async def announce(self, event: str, message: Message) -> None:
        """Tell the bot what happened to a message in a channel that it sees."""
        channel = self.channels[message.channel_id]
        if channel.permissions & VIEW and not message.ephemeral:
            there = {"guild_id": channel.guild_id} if channel.guild_id else {}
            whole = {"id": message.id, "channel_id": channel.id} if event == "MESSAGE_DELETE" else message.payload()
            await self.dispatch(event, whole | there)

    # -- what is there, or refused ------------------------------------------------------------------------------------

    def channel(self, id: str) -> Channel:
        """Find a channel that the bot sees. Raises ApiError."""
        if id not in self.channels:
            raise ApiError(10003)
        if not self.channels[id].permissions & VIEW:
            raise ApiError(50001)
        return self.channels[id]

    def in_channel(self, channel: Channel, id: str) -> Message:
        """Find a message that everybody there sees. Raises ApiError."""
        for message in self.messages.values():
            if message.id == id and message.channel_id == channel.id and not message.ephemeral:
                return message
        raise ApiError(10008)

    def check_exists(self, message: Message | None) -> Message:
        """Refuse what was deleted, or never made."""
        if message is None or not any(message is one for one in self.messages.values()):
            raise ApiError(10008)
        return message

    def check_open(self, channel: Channel, *, status: int = 0) -> None:
        """Refuse to change what is in a thread that is archived."""
        if channel.archived:
            raise ApiError(50083, status=status)

    async def take_away(self, message: Message) -> None:
        """Delete a message with its files."""
        for key in [key for key, one in self.messages.items() if one is message]:
            del self.messages[key]
        self.desk.forget(message)
        await self.announce("MESSAGE_DELETE", message)
