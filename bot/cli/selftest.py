"""`janus-bot selftest`: every kind of message that the bot sends, sent to a channel, and what Discord made of it.

It needs a real token, and does what the bot does: the same client, targets, deliveries and views, on the model that was
chosen. Nobody but a person can press a button or use a command, so what needs one is named at the end. Everything that
was sent is deleted again.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import discord
from PIL import Image
from rich.console import Console
from rich.table import Table

from bot.app import make_bot
from bot.cli.console import say
from bot.config import Settings, SettingsError, Store
from bot.core import starting
from bot.core.client import PERMISSIONS, JanusBot
from bot.core.permissions import missing
from bot.core.rest import in_short
from bot.features.ask.answer import Asked, answered, answering
from bot.features.ask.questions import ask
from bot.features.imagine.gallery import DrawingPresenter, Look, enlarged, gallery, picture_name
from bot.features.reports import card
from bot.jobs import admission
from bot.jobs.delivery import Delivery
from bot.jobs.reply import ReplyTarget
from bot.jobs.rights import Wanted
from bot.media import provenance
from bot.media.decoding import small_copy
from bot.media.inputs import pictures_on
from bot.media.shown import files_of, media_in
from bot.media.uploads import Finished, Upload, encode, sketches
from bot.texts import ENGLISH
from bot.token import read_token
from bot.ui.layout import Standing, notice, panel, preview_names
from model.requests import Answer, Drawing, Executor, Preview, Progress, new_id

READY_SECONDS: Final = 60.0
NOBODY: Final = discord.AllowedMentions.none()
PROMPT: Final = "a large red circle on a blue background"
UGLY: Final = "@everyone **bold** `code` <@1> [link](https://example.com) ||spoiler||\n# heading\n- list"
BY_A_PERSON: Final = (
    "use /imagine and /ask here, in a thread, in a direct message, and as an app of your own elsewhere",
    "press every button of a gallery, also of one that is a day old, and after a restart",
    "open the menus of a message (Apps) on somebody's picture, and report a picture",
    "ask privately, and wait for an answer for more than 15 minutes",
)


class Unexpected(Exception):  # noqa: N818 (said of what Discord sent back)
    """Discord took something, and made something else of it than its documentation says."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one step."""

    step: str
    fine: bool
    words: str


def expect(condition: object, what: str) -> None:
    """Raise Unexpected unless `condition` holds."""
    if not condition:
        raise Unexpected(what)


class Selftest:
    """The steps, in their order, on one channel."""

    def __init__(self, bot: JanusBot, channel: discord.TextChannel) -> None:
        self.bot = bot
        self.channel = channel
        self.sent: list[int] = []  # ids of messages
        self.drawn: discord.Message | None = None

    async def run(self) -> Sequence[Outcome]:
        """Take every step, also after one that failed, and clean up."""
        steps: dict[str, Callable[[], Awaitable[str]]] = {
            "permissions": self.permissions,
            "commands": self.commands,
            "panel with previews": self.previews,
            "drawing": self.drawing,
            "its pictures": self.pictures,
            "hidden pictures": self.spoiler,
            "answer": self.answer,
            "long answer": self.long_answer,
            "enlarged picture": self.enlarged,
            "report card": self.card,
            "ugly words": self.ugly,
        }
        outcomes = [await self._take(name, step) for name, step in steps.items()]
        return [*outcomes, await self._take("cleaning up", self.clean_up)]

    async def _take(self, name: str, step: Callable[[], Awaitable[str]]) -> Outcome:
        try:
            return Outcome(name, True, await asyncio.ensure_future(step()))  # a request counts for its task
        except Exception as error:  # whatever goes wrong in a step, the others are taken, and the table is printed
            words = f"{in_short(error)}: {getattr(error, 'text', '') or error}"
            return Outcome(name, False, " ".join(words.split()))

    async def _target(self) -> ReplyTarget:
        """Begin a message of its own: a reply to one that the bot writes, as to anybody's."""
        return ReplyTarget(await self._say("janus-bot selftest"))

    async def _say(self, words: str) -> discord.Message:
        message = await self.channel.send(words)
        self.sent.append(message.id)
        return message

    async def _again(self, target: ReplyTarget) -> discord.Message:
        """Fetch a target's message as Discord shows it now."""
        assert target.message_id
        self.sent.append(target.message_id)
        return await self.channel.fetch_message(target.message_id)

    # -- steps --------------------------------------------------------------------------------------------------------

    async def permissions(self) -> str:
        """The bot has what its invite link asks for."""
        needed = [name for name, given in PERMISSIONS if given]
        lacking = missing(self.channel.permissions_for(self.channel.guild.me), needed)
        expect(not lacking, f"the bot lacks {', '.join(lacking)} in this channel")
        return "all that the invite link asks for"

    async def commands(self) -> str:
        """Discord knows the commands that this version has."""
        developed = self.bot.settings.discord.development_guild
        guild = discord.Object(developed) if developed else None
        known = {(command.name, command.type) for command in await self.bot.tree.fetch_commands(guild=guild)}
        ours = {(str(command.name), _type_of(command)) for command in self.bot.tree.get_commands()}
        expect(ours <= known, f"Discord does not know {sorted(name for name, _ in ours - known)}")
        menus = sum(kind is discord.AppCommandType.message for _, kind in ours)
        return f"{len(ours) - menus} commands and {menus} menus"

    async def previews(self) -> str:
        """A panel with previews keeps them when only its line changes, and gives them up when it ends."""
        target, job, side = await self._target(), new_id(), Image.new("RGB", (384, 384), "navy")
        standing = Standing(started=True, preview=Preview((side,) * 5), progress=Progress(10, 100, 9.0))
        files = await sketches((side,) * 5, preview_names(5))
        await target.show(panel(ENGLISH, PROMPT, standing, job), files)
        await target.show(panel(ENGLISH, PROMPT, replace(standing, progress=Progress(50, 100, 5.0)), job))
        kept = len(files_of(await self._again(target)))
        expect(kept == 5, f"an edit that lists five files kept {kept}")
        await target.show(notice(PROMPT, ENGLISH.cancelled), ())
        left = len(files_of(await self._again(target)))
        expect(left == 0, f"an edit that lists no files kept {left}")
        return "five previews, kept by one edit and gone by the next"

    async def drawing(self) -> str:
        """A real drawing goes its whole way."""
        target = await self._target()
        await admission.check(self.bot, target, Wanted("draw"), PROMPT)
        drawing = replace(self.bot.settings.imagine.drawing(PROMPT, count=5, temperature=1.0), previews=True)
        async with admission.accepted(self.bot, target, drawing.id, drawing) as record:
            job = await admission.submit(self.bot, target, record, drawing)
        await Delivery(self.bot, target, record, job, DrawingPresenter(drawing, ENGLISH, "selftest")).run()
        self.drawn = await self._again(target)
        ended = await self.bot.store.jobs.get(record.id)
        expect(ended and ended.state == "delivered", "the drawing did not come out: the log says why")
        return f"{len(files_of(self.drawn))} pictures"

    async def pictures(self) -> str:
        """The pictures are found where the buttons look for them, byte for byte."""
        expect(self.drawn, "there is no drawing to look at")
        assert self.drawn
        shown, most = pictures_on(self.drawn), self.bot.settings.limits.picture_bytes
        told = [provenance.read(await self.bot.read(picture.url, most)) for picture in shown]
        expect(shown and all(told), f"of {len(shown)} pictures, {sum(map(bool, told))} tell what made them")
        names = [picture_name(made.seed) for made in told if made]
        found = [picture.filename.rpartition(".")[0] for picture in shown]
        expect(found == names, f"their files are called {found}, not {names}")
        listed = "lists" if self.drawn.attachments else "does not list"
        return f"found in the layout, files as they were sent; Discord {listed} them as attachments"

    async def spoiler(self) -> str:
        """Hidden pictures stay hidden."""
        target = await self._target()
        drawing = Drawing(prompt=PROMPT, count=2)
        files = await encode(_plain(drawing, 2), target.filesize_limit)
        await target.finish(gallery(ENGLISH, drawing, files, "selftest", 1.0, seeds=(1, 2), look=Look(spoiler=True)))
        hidden = [hidden for _, hidden in media_in((await self._again(target)).components)]
        expect(hidden == [True, True], f"hidden: {hidden}")
        return "two, hidden"

    async def answer(self) -> str:
        """A real question about a picture goes its whole way."""
        expect(self.drawn, "there is no drawing to ask about")
        assert self.drawn
        target = await self._target()
        shown = pictures_on(self.drawn)[:1]
        await ask(self.bot, target, shown, "what colour is the circle?")
        message = await self._again(target)
        record = await self.bot.store.jobs.shown_on(message.id)
        expect(record and isinstance(record.result, Answer), "no answer came: the log says why")
        expect(len(files_of(message)) == 1, "the answer does not show its picture")
        return "with its picture"

    async def long_answer(self) -> str:
        """A streamed answer keeps its picture, and one that is longer than a message comes with a file."""
        target, job = await self._target(), new_id()
        asked = Asked(PROMPT, [Upload("picture.webp", small_copy(Image.new("RGB", (300, 200), "teal")), PROMPT)])
        await target.show(answering(ENGLISH, asked, Standing(started=True), job), asked.pictures)
        for words in ("Once", "Once upon a time"):
            await target.show(answering(ENGLISH, asked, Standing(started=True, text=words), job))
        whole = Answer("Once upon a time. " * 400, 1600, False, 0, {"decode": 1.0})
        await target.finish(answered(ENGLISH, asked, whole, job, "selftest", []))
        names = sorted(file.name for file in files_of(await self._again(target)))
        expect(names == ["answer.txt", "picture.webp"], f"its files are {names}")
        return "streamed in three edits, then as a file"

    async def enlarged(self) -> str:
        """A picture of 1,536 pixels."""
        target, job = await self._target(), new_id()
        picture = Image.new("RGB", (1536, 1536), "olive")
        (file,) = await encode([Finished(picture, "janus-1-x2")], target.filesize_limit)
        await target.finish(enlarged(ENGLISH, PROMPT, job, file, picture.size, 1.0))
        return f"{len(file.data) / 1000:.0f} kB"

    async def card(self) -> str:
        """What moderators see of a report, with its pictures hidden."""
        message = await self._say("janus-bot selftest: reported")
        file = Upload("SPOILER_picture.webp", small_copy(Image.new("RGB", (64, 64), "red")), PROMPT).file()
        view = card(ENGLISH, message, None, message.author.id, "a reason", [file.filename])
        sent = await self.channel.send(view=view, file=file)
        self.sent.append(sent.id)
        kept = files_of(sent)
        view = card(ENGLISH, message, None, message.author.id, "a reason", [file.name for file in kept])
        edited = await sent.edit(view=view, attachments=cast("Any", kept), allowed_mentions=NOBODY)
        expect([hidden for _, hidden in media_in(edited.components)] == [True], "its picture is not hidden")
        return "with a hidden picture, which an edit keeps"

    async def ugly(self) -> str:
        """Members' words are shown as they were written, and call nobody."""
        target = await self._target()
        await target.show(notice(UGLY, ENGLISH.cancelled))
        message = await self._again(target)
        expect(not (message.mentions or message.mention_everyone or message.role_mentions), "they called somebody")
        return "nobody was called"

    async def clean_up(self) -> str:
        """Delete what was sent."""
        there = {message.id: message async for message in self.channel.history(limit=100)}
        begun = [id for id, message in there.items() if message.reference and message.reference.message_id in self.sent]
        ours = [there[id] for id in {*self.sent, *begun} if id in there]
        for message in ours:
            with suppress(discord.NotFound):
                await message.delete()
        return f"{len(ours)} messages deleted"


def _type_of(command: object) -> discord.AppCommandType:
    return command.type if isinstance(command, discord.app_commands.ContextMenu) else discord.AppCommandType.chat_input


def _plain(drawing: Drawing, count: int) -> Sequence[Finished]:
    picture = Image.new("RGB", (768, 768), "purple")
    return [Finished(picture, picture_name(drawing.seed + number)) for number in range(count)]


async def selftest(settings: Settings, executor: Executor, guild: int, channel: int) -> bool:
    """Take every step in a channel, print a table, and tell whether all went well. Raises PlainError as `run_bot`."""
    with tempfile.TemporaryDirectory() as folder:  # the records of a bot that runs beside it are none of its business
        settings = settings.model_copy(update={"store": Store(folder=Path(folder))})
        outcomes = await _try_all(make_bot(settings, executor), guild, channel)
    _print(outcomes)
    return all(outcome.fine for outcome in outcomes)


async def _try_all(bot: JanusBot, guild: int, channel: int) -> Sequence[Outcome]:
    async with bot:
        token = read_token(bot.settings).get_secret_value()
        running = asyncio.create_task(starting.serve(bot, token))
        ready = asyncio.create_task(bot.wait_until_ready())
        await asyncio.wait({running, ready}, timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        server = bot.get_guild(guild)
        if not isinstance(where := server.get_channel(channel) if server else None, discord.TextChannel):
            raise SettingsError(f"the bot sees no text channel {channel} on a server {guild}")
        outcomes = await Selftest(bot, where).run()
    await running
    return outcomes


def _print(outcomes: Sequence[Outcome]) -> None:
    table = Table("step", "", "what Discord made of it")
    for one in outcomes:
        table.add_row(one.step, "fine" if one.fine else "WRONG", one.words)
    Console().print(table)
    say("Not tried, because it takes a person: " + "; ".join(BY_A_PERSON) + ".")
