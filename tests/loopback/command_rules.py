"""Which commands Discord takes, all at once.

Facts of https://docs.discord.com/developers/interactions/application-commands.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from tests.loopback.refusals import Problems
from tests.loopback.wire import Payload

SLASH, USER_MENU, MESSAGE_MENU = 1, 2, 3
MOST = {SLASH: 100, USER_MENU: 15, MESSAGE_MENU: 15}
OPTIONS = CHOICES = 25
CHARACTERS = 8000  # of names, descriptions and values in one command
SUBCOMMANDS, STRING, WHOLE, NUMBER = (1, 2), 3, 4, 10
LOCALES = {
    *(
        "bg",
        "cs",
        "da",
        "de",
        "el",
        "en-GB",
        "en-US",
        "es-419",
        "es-ES",
        "fi",
        "fr",
        "hi",
        "hr",
        "hu",
        "id",
        "it",
        "ja",
    ),
    *("ko", "lt", "nl", "no", "pl", "pt-BR", "ro", "ru", "sv-SE", "th", "tr", "uk", "vi", "zh-CN", "zh-TW"),
}
USER_INSTALL = 1


def check_commands(commands: Sequence[Payload], *, of_guild: bool, user_install: bool) -> None:
    """Check what a server, or all of them, are to have. Raises ApiError."""
    problems = Problems()
    for kind, most in MOST.items():
        if sum(command.get("type", SLASH) == kind for command in commands) > most:
            problems.add("", "APPLICATION_COMMAND_TOO_MANY", f"More than {most} of type {kind}")
    seen: set[tuple[int, str, str]] = set()
    for number, command in enumerate(commands):
        kind, where = command.get("type", SLASH), str(number)
        _check_words(where, command, problems, slash=kind == SLASH)
        for locale, name in _in_languages(command, "name"):
            if (kind, locale, name) in seen:
                what = "Application command names must be unique"
                problems.add(f"{where}.name", "APPLICATION_COMMANDS_DUPLICATE_NAME", what)
            seen.add((kind, locale, name))
        if kind != SLASH and command.get("options"):
            problems.add(f"{where}.options", "APPLICATION_COMMAND_CONTEXT_MENU_OPTIONS", "Menus cannot have options")
        _check_options(f"{where}.options", command.get("options") or [], problems)
        if _size(command) > CHARACTERS:
            problems.add(where, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({CHARACTERS})")
        _check_places(where, command, problems, of_guild=of_guild, user_install=user_install)
    problems.end()


def _check_places(where: str, command: Payload, problems: Problems, *, of_guild: bool, user_install: bool) -> None:
    """Check where it can be used, and by whom."""
    for key in ("contexts", "integration_types"):
        if of_guild and command.get(key) is not None:
            problems.add(f"{where}.{key}", "APPLICATION_COMMAND_GUILD_ONLY", f"{key} is for global commands only")
    if USER_INSTALL in (command.get("integration_types") or ()) and not user_install:
        what = "The application does not support this integration type"
        problems.add(f"{where}.integration_types", "APPLICATION_COMMAND_INTEGRATION_TYPE_NOT_SUPPORTED", what)
    may = command.get("default_member_permissions")
    if may is not None and not str(may).isdigit():
        problems.add(f"{where}.default_member_permissions", "NUMBER_TYPE_COERCE", f"{may!r} is no number")


def _check_options(where: str, options: Sequence[Payload], problems: Problems) -> None:
    problems.number(where, len(options), 0, OPTIONS)
    defaults = [option.get("name") for option in options]
    seen: set[tuple[str, str]] = set()
    for number, option in enumerate(options):
        here = f"{where}.{number}"
        _check_words(here, option, problems, slash=True)
        for locale, name in _in_languages(option, "name"):
            others = name != option.get("name") and name in defaults
            if (locale, name) in seen or others:
                what = f"{name!r} is another option's name, too"
                problems.add(f"{here}.name", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", what)
            seen.add((locale, name))
        if option.get("required") and not all(before.get("required") for before in options[:number]):
            what = "Required options must be placed before non-required options"
            problems.add(here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", what)
        _check_choices(here, option, problems)
        _check_bounds(here, option, problems)
        _check_options(f"{here}.options", option.get("options") or [], problems)


def _check_choices(where: str, option: Payload, problems: Problems) -> None:
    choices = option.get("choices") or []
    problems.number(f"{where}.choices", len(choices), 0, CHOICES)
    for number, choice in enumerate(choices):
        here = f"{where}.choices.{number}"
        for locale, name in _in_languages(choice, "name"):
            problems.length(f"{here}.name{_of(locale)}", name, 100)
        if option.get("type") == STRING:
            problems.length(f"{here}.value", choice.get("value"), 100)
    problems.twice(f"{where}.choices", [choice.get("name") for choice in choices], "OPTION_CHOICE_NAMES_DUPLICATED")


def _check_bounds(where: str, option: Payload, problems: Problems) -> None:
    kind = option.get("type")
    for least, most, kinds, floor, top in (
        ("min_value", "max_value", (WHOLE, NUMBER), -(2**53), 2**53),
        ("min_length", "max_length", (STRING,), 0, 6000),
    ):
        low, high = option.get(least), option.get(most)
        if (low is not None or high is not None) and kind not in kinds:
            problems.add(f"{where}.{least}", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", f"not with type {kind}")
        elif not floor <= (floor if low is None else low) <= (top if high is None else high) <= top:
            problems.add(f"{where}.{least}", "NUMBER_TYPE_MIN", f"From {low} to {high} is nothing")


def _check_words(where: str, part: Payload, problems: Problems, *, slash: bool) -> None:
    for key in ("name_localizations", "description_localizations"):
        for locale in set(part.get(key) or {}) - LOCALES:
            problems.add(f"{where}.{key}.{locale}", "ENUM_TYPE_COERCE", "Not a valid locale")
    for locale, name in _in_languages(part, "name"):
        problems.length(f"{where}.name{_of(locale)}", name, 32)
        if slash and not (name == name.lower() and all(map(_in_a_name, name))):
            problems.add(f"{where}.name{_of(locale)}", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
        if name != name.strip():
            problems.add(f"{where}.name{_of(locale)}", "APPLICATION_COMMAND_INVALID_NAME", "Spaces around it")
    if slash:
        problems.length(f"{where}.description", part.get("description"), 100)
        for locale, text in (part.get("description_localizations") or {}).items():
            problems.length(f"{where}.description_localizations.{locale}", text, 100)
    elif part.get("description") or part.get("description_localizations"):
        what = "Context menu commands cannot have description"
        problems.add(f"{where}.description", "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION", what)


def _in_languages(part: Payload, what: str) -> Iterator[tuple[str, str]]:
    yield "", str(part.get(what) or "")
    yield from (part.get(f"{what}_localizations") or {}).items()


def _of(locale: str) -> str:
    return f"_localizations.{locale}" if locale else ""


def _in_a_name(character: str) -> bool:
    """Tell whether a slash command's name may have a character: letters, digits, some marks, and three signs."""
    thai_or_devanagari = bool(re.match("[\u0900-\u097f\u0e00-\u0e7f]", character))
    return character in "-_'" or unicodedata.category(character)[0] in "LN" or thai_or_devanagari


def _size(command: Payload) -> int:
    """Count a command's characters: of each text the longest language."""
    size = sum(max(len(text) for _, text in _in_languages(command, what)) for what in ("name", "description"))
    size += len(command["value"]) if isinstance(command.get("value"), str) else 0
    return size + sum(_size(part) for key in ("options", "choices") for part in command.get(key) or [])
