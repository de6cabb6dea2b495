"""Tells Discord the commands, in every language, and only when they changed: it allows few such calls a day.

What Discord was told is remembered by its checksum, and so are the ids that it gave the commands: a file for all
servers, and one for the server that the commands are developed on.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.config import Settings, SettingsError
from bot.texts import CATALOGUES

log = logging.getLogger(__name__)

GLOBAL_ONLY: Final = ("contexts", "integration_types")
NO_USER_INSTALL: Final = (
    "Discord does not let members install this application for themselves, which its commands are made for: open it at "
    "https://discord.com/developers/applications, choose Installation, and tick User Install beside Guild Install"
)
REFUSED: Final = "Discord refuses the commands: {}"
GONE: Final = (discord.Forbidden, discord.NotFound)  # the bot is not on this server, or there is no such server


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


async def sync(tree: app_commands.CommandTree[Any], settings: Settings, invite_link: str) -> Mapping[str, int]:
    """Tell Discord the commands, and return their ids by name.

    Raises SettingsError if the development server does not know the bot.
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
    if known.get("told") == told:
        return known["ids"]  # type: ignore[no-any-return]
    try:
        ids = await _tell(tree, guild, payload)
    except GONE:
        raise SettingsError(
            f"discord.development_guild: the bot is not on a server {one_server}. Invite it there first: {invite_link}"
        ) from None
    except discord.HTTPException as error:
        if error.status != 400:
            raise
        words = " ".join(str(error).split())
        raise SettingsError(NO_USER_INSTALL if "integration_types" in words else REFUSED.format(words)) from None
    await asyncio.to_thread(_write, record, {"told": told, "ids": ids})
    log.info("Told Discord the commands, for %s", f"server {one_server}" if one_server else "all servers")
    return ids


async def _clean_up(tree: app_commands.CommandTree[Any], records: Path, one_server: int) -> None:
    """Take back what servers were told that the commands are no longer developed on: they would show it twice."""
    for record in await asyncio.to_thread(_find, records, f"{_stem(tree)}-*"):
        server = record.stem.rpartition("-")[2]
        if server not in ("all", str(one_server)):
            try:
                await tree.sync(guild=discord.Object(int(server)))  # which has none of its own
            except GONE:
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


async def _tell(
    tree: app_commands.CommandTree[Any], guild: discord.Object | None, payload: list[dict[str, Any]]
) -> dict[str, int]:
    http, application = tree.client.http, tree.client.application_id
    assert application is not None
    if guild:
        there = await http.bulk_upsert_guild_commands(application, guild.id, payload=payload)
    else:
        there = await http.bulk_upsert_global_commands(application, payload=payload)
    return {command["name"]: int(command["id"]) for command in there}


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
