"""Settings: the command line, then the environment, then config.toml, then the defaults below.

config.toml is found beside the packages, from any working directory. A variable is named after its section and key:
JANUS_IMAGINE_COUNT is `count` in [imagine]. The Discord token is no setting: it is read by `bot.token` alone.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, IPvAnyAddress, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.files import TomlFile, as_meant
from model.errors import PlainError
from model.requests import CANDIDATES, Drawing, Question, random_seed
from model.settings import EngineSettings, ExecutorSettings, ModelSettings

ROOT = Path(__file__).resolve().parents[1]  # the folder that holds bot/, model/, weights/ and config.toml
PREFIX = "JANUS_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"  # names another config.toml; `--config` does too
REFERENCE_VARIABLE = f"{PREFIX}REFERENCE"  # the tests' own: it names DeepSeek's checkpoint for them

MIB = 2**20


class SettingsError(PlainError):
    """A setting that can't be used. The message names the key, where it stands and what is allowed."""


Folder = Annotated[Path, AfterValidator(as_meant), AfterValidator(lambda path: ROOT / path.expanduser())]
"""A folder; a relative one is beside the packages."""


class Section(BaseModel):
    """One [section] of config.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Discord(Section):
    """How the bot meets Discord."""

    token_file: Annotated[str, AfterValidator(as_meant)] = ""  # holds the token, where DISCORD_TOKEN is not set
    development_guild: int = Field(default=0, ge=0)  # sync commands to this one server, at once; 0: to all servers
    drain_seconds: float = Field(default=5.0, ge=0, le=600)  # that requests have to end when the bot is stopped
    presence: bool = True  # the line under the bot's name says how busy it is


class Imagine(Section):
    """What /imagine uses where the asker says nothing."""

    guidance: float = Field(default=5.0, ge=1, le=10)
    temperature: float = Field(default=1.0, ge=0, le=2)
    count: int = Field(default=5, ge=1, le=5)
    careful: bool = False
    top_k: int = Field(default=0, ge=0, le=2**20)

    def drawing(
        self,
        prompt: str,
        *,
        avoid: str = "",
        seed: int | None = None,
        guidance: float | None = None,
        temperature: float | None = None,
        count: int | None = None,
        careful: bool | None = None,
    ) -> Drawing:
        """Make what draws a prompt, by these settings where nothing else is said, and by a random seed."""
        return Drawing(
            prompt=prompt,
            avoid=avoid,
            seed=random_seed() if seed is None else seed,
            guidance=self.guidance if guidance is None else guidance,
            temperature=self.temperature if temperature is None else temperature,
            top_k=self.top_k,
            count=self.count if count is None else count,
            careful=self.careful if careful is None else careful,
        )

    @property
    def candidates(self) -> int:
        """How many pictures a drawing draws at the most where the asker says nothing."""
        return self.count * CANDIDATES if self.careful else self.count


class Ask(Section):
    """What /ask uses where the asker says nothing."""

    seed: int = Field(default=42, ge=0, lt=2**32)
    temperature: float = Field(default=0.1, ge=0, le=2)
    top_p: float = Field(default=0.95, ge=0, le=1)
    max_new_tokens: int = Field(default=512, ge=1, le=4096)

    def question(
        self,
        words: str,
        *,
        seed: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
    ) -> Question:
        """Make a question of words, without pictures yet, by these settings where nothing else is said."""
        return Question(
            pictures=(),
            question=words,
            seed=self.seed if seed is None else seed,
            temperature=self.temperature if temperature is None else temperature,
            top_p=self.top_p if top_p is None else top_p,
            max_new_tokens=self.max_new_tokens,
        )


class Limits(Section):
    """What people may hand in, and how much of it."""

    picture_bytes: int = Field(default=10 * MIB, ge=1024)
    picture_pixels: int = Field(default=40_000_000, ge=1024)
    prompt_characters: int = Field(default=2000, ge=1, le=4000)
    queue: int = Field(default=100, ge=1)
    member_running: int = Field(default=4, ge=1, le=100)
    member_queued: int = Field(default=6, ge=0, le=100)
    member_hourly: int = Field(default=60, ge=1, le=10_000)
    member_presses: int = Field(default=120, ge=1, le=10_000)
    server_running: int = Field(default=20, ge=1, le=1000)
    server_queued: int = Field(default=80, ge=0, le=1000)
    server_hourly: int = Field(default=1000, ge=1, le=100_000)


class Store(Section):
    """What the bot keeps."""

    folder: Folder = Path("data")
    keep_days: int = Field(default=30, ge=1)
    member_bytes: int = Field(default=50 * MIB, ge=16 * MIB)
    total_bytes: int = Field(default=2048 * MIB, ge=16 * MIB)


class Health(Section):
    """Where the bot tells how it is."""

    port: int = Field(default=0, ge=0, le=65535)  # 0: nowhere
    address: IPvAnyAddress = IPv4Address("127.0.0.1")  # that it listens on


class Settings(BaseSettings):
    """Every setting, checked and frozen. Made by `load`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
    )

    discord: Discord = Discord()
    model: ModelSettings = ModelSettings()
    engine: EngineSettings = EngineSettings()
    executor: ExecutorSettings = ExecutorSettings()
    imagine: Imagine = Imagine()
    ask: Ask = Ask()
    limits: Limits = Limits()
    store: Store = Store()
    health: Health = Health()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Tell where settings come from, the strongest first."""
        return init_settings, env_settings, TomlFile(settings_cls)


def load(config: Path | None = None, options: Mapping[str, Mapping[str, object]] | None = None) -> Settings:
    """Read the settings.

    `config` is the file to read; without one, the file that JANUS_CONFIG names, or config.toml beside the packages
    (which may be absent). `options` are the command line's, by section and key; None means not given.
    Raises SettingsError.
    """
    named = config or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)
    if named and not named.is_file():
        raise SettingsError(f"{named}: there is no such settings file")
    file = named or ROOT / "config.toml"
    given = {
        section: kept
        for section, keys in (options or {}).items()
        if (kept := {key: value for key, value in keys.items() if value is not None})
    }
    _refuse_unknown_variables()

    class Configured(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        return Configured(**given)  # type: ignore[arg-type]
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: this is not valid TOML: {error}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file}: can't be read: save it as text in UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{file}: can't be read: {error.strerror}") from None
    except ValidationError as error:
        wrong: dict[tuple[str, ...], list[ErrorDetails]] = {}
        for detail in error.errors(include_url=False):  # a setting of several types has an error for each
            wrong.setdefault(tuple(map(str, detail["loc"][:2])), []).append(detail)
        (place, details), *others = wrong.items()
        more = f" (wrong settings besides: {len(others)})" if others else ""
        raise SettingsError(_explain(place, details, given, file) + more) from None


def _variable(section: str, key: str) -> str:
    return f"{PREFIX}{section}_{key}".upper()


def _fields(section: str) -> dict[str, FieldInfo]:
    annotation = Settings.model_fields[section].annotation
    assert isinstance(annotation, type)
    if issubclass(annotation, Section):
        return annotation.model_fields
    hints = get_type_hints(annotation, include_extras=True)  # the model's own: a plain dataclass
    return {name: FieldInfo.from_annotation(hints[name]) for name in annotation.__slots__}


def _refuse_unknown_variables() -> None:
    """A misspelt variable would otherwise be overlooked in silence."""
    known = [CONFIG_VARIABLE, REFERENCE_VARIABLE]
    for section in Settings.model_fields:
        known += [_variable(section, key) for key in _fields(section)]
    for name in os.environ:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else "config.toml lists every setting"
            raise SettingsError(f"environment variable {name}: there is no such setting; {hint}")


def _explain(
    path: tuple[str, ...], errors: list[ErrorDetails], given: Mapping[str, Mapping[str, object]], file: Path
) -> str:
    """Say in one line which key is wrong, where it stands, and what is allowed."""
    section, key = (*path, "")[:2]
    if key in given.get(section, {}):
        place = "option --model" if key == "name" else f"option --{key.replace('_', '-')}"
    elif os.environ.get(variable := _variable(section, key)):
        place = f"environment variable {variable}"
    else:
        place = f"{file}: {'.'.join(path)}"
    if "token" in path[-1].lower() and path[-1] != "token_file":
        return (
            f"{place}: the token does not belong in this file. Put it in a file of its own that only you can read, and "
            "name that one as token_file in [discord], or set the environment variable DISCORD_TOKEN"
        )
    if section not in Settings.model_fields:
        return f"{place}: there is no such section; {_or_rather(section, list(Settings.model_fields), 'there are')}"
    if not key:
        return f"{place}: this is a section; write [{section}] and its keys below"
    fields = _fields(section)
    if key not in fields:
        return f"{place}: there is no such setting; {_or_rather(key, list(fields), f'[{section}] has')}"
    return f"{place}: {errors[0]['input']!r} is not allowed; it must be {_allowed(fields[key], errors)}"


def _or_rather(written: str, names: Sequence[str], introduction: str) -> str:
    """Name what was probably meant, or else all there is."""
    near = difflib.get_close_matches(written, names, n=1)
    return f"did you mean {near[0]}?" if near else f"{introduction} {', '.join(names)}"


def _allowed(field: FieldInfo, errors: list[ErrorDetails]) -> str:
    """Describe the allowed values: the range where there is one, or else what pydantic expected."""
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    bounds = [
        f"{word} {getattr(item, name)}"
        for item in field.metadata
        for name, word in words.items()
        if hasattr(item, name)
    ]
    if bounds:
        return f"{'a whole number' if field.annotation is int else 'a number'}, {' and '.join(bounds)}"
    said = (re.sub(r"^(Input should be|Value error,) |, unable.*", "", error["msg"]) for error in errors)
    return " or ".join(said)
