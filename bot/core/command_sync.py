"""Tells Discord the commands, in every language, and only when they changed: it allows few such calls a day.

What Discord was told is remembered by its checksum, and so are the versions that it gave the commands: a file for all
servers, and one for the server that the commands are developed on.
"""

import asyncio
import hashlib
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.config import Settings, SettingsError
from bot.core.errors import log_bug
from bot.core.rest import DiscordError, Fault, calling, pauses
from bot.texts import CATALOGUES

log = logging.getLogger(__name__)

GLOBAL_ONLY: Final = ("contexts", "integration_types")
NO_USER_INSTALL: Final = (
    "Discord does not let members install this application for themselves, which its commands are made for: open it at "
    "https://discord.com/developers/applications, choose Installation, and tick User Install beside Guild Install"
)
REFUSED: Final = "Discord refuses the commands: {}"
NOT_THERE: Final = "discord.development_guild: the bot is not on a server {server}. Invite it there first: {link}"
PATIENCE: Final = 5.0  # seconds that the start waits
APART: Final = 10 * 60.0  # seconds between two looks for a reason


class CommandTranslator(app_commands.Translator):
    """Puts the catalogues' words on commands, for every language that there is a catalogue for.

    A text that the code takes from the English catalogue (`described`) has its key with it. The name of a command or
    of an option is found by the name itself: `name_imagine`, `option_seed`.
    """

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        """Return the text of a string in a language; None leaves it as the code has it."""
        kinds = {Location.command_name: "name", Location.group_name: "name", Location.parameter_name: "option"}
        key = string.extras.get("key", f"{kinds.get(context.location)}_{string.message}")
        return getattr(CATALOGUES.get(locale), key, None)


class CommandSync:
    """Sees to it that Discord has the commands as they are here: at the start, and when one shows that it has not.

    What fails is said in one line and tried again, and holds nothing up: people may know the commands already.
    """

    def __init__(self, tree: app_commands.CommandTree[Any], settings: Settings, invite: Callable[[], str]) -> None:
        """`invite` tells the link that brings the bot to a server."""
        self.ids: Mapping[str, int] = {}  # Discord's, by the names in the code
        self._tree = tree
        self._settings = settings
        self._invite = invite
        self._task: asyncio.Task[None] | None = None
        self._began = -math.inf

    async def begin(self) -> None:
        """Tell Discord, and wait for that a moment."""
        self._task = asyncio.create_task(self._run())
        self._began = asyncio.get_running_loop().time()
        await asyncio.wait({self._task}, timeout=PATIENCE)

    def again(self) -> None:
        """Look again soon whether Discord has them right, unless that was just done."""
        now = asyncio.get_running_loop().time()
        if (self._task is None or self._task.done()) and now - self._began > APART:
            self._task, self._began = asyncio.create_task(self._run()), now

    def stop(self) -> None:
        """Stop trying."""
        if self._task:
            self._task.cancel()

    async def _run(self) -> None:
        for pause in pauses():
            try:
                self.ids = await sync(self._tree, self._settings, self._invite())
                return
            except (SettingsError, DiscordError) as error:
                log.error("The commands could not be told to Discord, which is tried again in %g s: %s", pause, error)
            except Exception as error:
                log_bug(error)
                return
            await asyncio.sleep(pause)


async def sync(tree: app_commands.CommandTree[Any], settings: Settings, invite_link: str) -> Mapping[str, int]:
    """Tell Discord the commands if it does not have them as they are, and return their ids by name.

    Another process with this token may have changed them. Raises SettingsError, in one line, if Discord refuses them or
    the development server does not know the bot, and else DiscordError.
    """
    one_server, records = settings.discord.development_guild, settings.store.folder
    await tree.set_translator(CommandTranslator())
    guild = discord.Object(one_server) if one_server else None
    if guild:
        tree.copy_global_to(guild=guild)
    await _clean_up(tree, records, one_server)
    payload = await _payload(tree, guild)
    told = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
    record = records / f"{_stem(tree)}-{one_server or 'all'}.json"
    known = await asyncio.to_thread(_read, record)
    try:
        there = await _ask(tree, guild)
        if known != {"told": told, "there": _versions(there)}:
            there = await _tell(tree, guild, payload)
            await asyncio.to_thread(_write, record, {"told": told, "there": _versions(there)})
            log.info("Told Discord the commands, for %s", f"server {one_server}" if one_server else "all servers")
    except DiscordError as error:
        if one_server and error.fault in (Fault.CLOSED, Fault.GONE):
            raise SettingsError(NOT_THERE.format(server=one_server, link=invite_link)) from None
        if error.fault is not Fault.REFUSED:
            raise
        words = f"{error}: {' '.join(error.text.split())}"
        raise SettingsError(NO_USER_INSTALL if "integration_types" in words else REFUSED.format(words)) from None
    return {command["name"]: int(command["id"]) for command in there}


async def _clean_up(tree: app_commands.CommandTree[Any], records: Path, one_server: int) -> None:
    """Take back what servers were told that the commands are no longer developed on: they would show it twice."""
    for record in await asyncio.to_thread(_find, records, f"{_stem(tree)}-*"):
        server = record.stem.rpartition("-")[2]
        if server not in ("all", str(one_server)):
            try:
                async with calling():
                    await tree.sync(guild=discord.Object(int(server)))  # which has none of its own
            except DiscordError as error:
                if error.fault not in (Fault.CLOSED, Fault.GONE):
                    raise
                log.info("Server %s keeps the commands it was told: the bot is no longer there", server)
            await asyncio.to_thread(record.unlink)


async def _payload(tree: app_commands.CommandTree[Any], guild: discord.Object | None) -> list[dict[str, Any]]:
    """Write the commands as Discord is told them. Where one can call them is said of global ones alone."""
    assert tree.translator is not None
    commands = tree.get_commands(guild=guild)
    payload = [await command.get_translated_payload(tree, tree.translator) for command in commands]
    if guild:
        payload = [{key: value for key, value in command.items() if key not in GLOBAL_ONLY} for command in payload]
    return payload


async def _ask(tree: app_commands.CommandTree[Any], guild: discord.Object | None) -> Sequence[Any]:
    """Return the commands that Discord has. Raises DiscordError."""
    http, application = tree.client.http, tree.client.application_id
    assert application is not None
    async with calling():
        asking = http.get_guild_commands(application, guild.id) if guild else http.get_global_commands(application)
        there: Sequence[Any] = await asking
    return there


async def _tell(
    tree: app_commands.CommandTree[Any], guild: discord.Object | None, payload: list[dict[str, Any]]
) -> Sequence[Any]:
    """Replace the commands that Discord has, and return those it has then. Raises DiscordError."""
    http, application = tree.client.http, tree.client.application_id
    assert application is not None
    async with calling():
        if guild:
            there: Sequence[Any] = await http.bulk_upsert_guild_commands(application, guild.id, payload=payload)
        else:
            there = await http.bulk_upsert_global_commands(application, payload=payload)
    return there


def _versions(there: Sequence[Any]) -> dict[str, str]:
    """Return what changes when anybody changes a command, by its id."""
    return {str(command["id"]): str(command.get("version", "")) for command in there}


def _stem(tree: app_commands.CommandTree[Any]) -> str:
    return f"commands-{tree.client.application_id}"


def _find(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


def _read(file: Path) -> dict[str, Any]:
    """Return what was remembered; nothing if it can't be read, as after a crash: then Discord is told once more."""
    try:
        known: dict[str, Any] = json.loads(file.read_text())
        return known
    except (OSError, ValueError):
        return {}


def _write(file: Path, known: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(known))
