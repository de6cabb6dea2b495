"""The bot's Discord token, which is no setting and is never shown: from a variable, or from a file of its own."""

import os
import re
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bot.config import ROOT, Settings, SettingsError
from bot.files import text_of

TOKEN_SHAPE: Final = re.compile(r"[\w-]{18,}\.[\w-]{4,}\.[\w-]{20,}")


def read_token(settings: Settings) -> SecretStr:
    """Return the bot's Discord token, from DISCORD_TOKEN or else from the token file.

    Raises SettingsError, which says what is missing and where to get it.
    """
    if token := os.environ.get("DISCORD_TOKEN", "").strip():
        return _secret(token, "the environment variable DISCORD_TOKEN")
    if not settings.discord.token_file:
        raise SettingsError(
            "there is no Discord token: create an application at https://discord.com/developers/applications, "
            'copy the token from its "Bot" page, and put it in the environment variable DISCORD_TOKEN '
            "or in a file that token_file in [discord] names"
        )
    if TOKEN_SHAPE.search(settings.discord.token_file):
        raise SettingsError(
            "discord.token_file names a file; this looks like the token itself. Put it in a file of its own, or in "
            "the environment variable DISCORD_TOKEN"
        )
    file = token_file(settings)
    try:
        token = text_of(file).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError(f"discord.token_file: {file} can't be read: {reason}") from None
    if not token:
        raise SettingsError(f"discord.token_file: {file} is empty; put the bot's token in it")
    return _secret(token, f"discord.token_file: {file}")


def _secret(token: str, where: str) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", token):
        raise SettingsError(f"{where} holds something else than one token: letters, digits and signs, no space")
    return SecretStr(token)


def token_file(settings: Settings) -> Path:
    """Return the file that the token is read from where DISCORD_TOKEN is not set."""
    return ROOT / Path(settings.discord.token_file).expanduser()
