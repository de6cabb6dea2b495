"""Settings: which source wins, what a mistake says, and that config.toml tells the truth."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.config import ROOT, Settings, SettingsError, load
from bot.token import read_token


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("JANUS_") or name == "DISCORD_TOKEN":
            monkeypatch.delenv(name)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def complaint(config: Path | None = None, **options: dict[str, object]) -> str:
    with pytest.raises(SettingsError) as caught:
        load(config, options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_config_toml_lists_every_setting_at_its_default(config: Path) -> None:
    text = (ROOT / "config.toml").read_text()
    settings = re.sub(r"^# (?=[a-z_]+ = )", "", text, flags=re.MULTILINE)
    config.write_text(settings)
    assert dict(load(config)) == dict(Settings())
    listed = {}
    for line in settings.splitlines():
        if section := re.fullmatch(r"\[(\w+)\]", line):
            keys = listed[section[1]] = set[str]()
        elif key := re.match(r"(\w+) = ", line):
            keys.add(key[1])
    assert listed == {name: set(section) for name, section in load().model_dump().items()}


def test_command_line_beats_environment_beats_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("[imagine]\ncount = 2\nguidance = 2.5\ntemperature = 0.5\n")
    monkeypatch.setenv("JANUS_IMAGINE_GUIDANCE", "3.5")
    monkeypatch.setenv("JANUS_IMAGINE_COUNT", "3")
    imagine = load(config, {"imagine": {"count": 4, "guidance": None}}).imagine
    assert (imagine.count, imagine.guidance, imagine.temperature) == (4, 3.5, 0.5)


def test_the_environment_can_name_the_file_and_a_key_of_two_words(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("[engine]\ncompile = true\n")
    monkeypatch.setenv("JANUS_CONFIG", str(config))
    monkeypatch.setenv("JANUS_LIMITS_PICTURE_BYTES", "2048")
    settings = load()
    assert settings.engine.compile is True
    assert settings.limits.picture_bytes == 2048


def test_files_are_found_from_any_working_directory(tmp_path: Path) -> None:
    code = "from bot.config import load; print(load().store.folder)"
    clean = {key: value for key, value in os.environ.items() if not key.startswith("JANUS_")}
    printed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=clean | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(printed.stdout.strip()) == ROOT / "data"


def test_settings_are_frozen() -> None:
    settings = load()
    with pytest.raises(ValidationError):
        settings.imagine.count = 3
    with pytest.raises(ValidationError):
        settings.imagine = settings.imagine


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[imagine]\ncount = 9", ["imagine.count", "9 is not allowed", "a whole number, at least 1 and at most 5"]),
        ("[engine]\nmemory_share = 0", ["engine.memory_share", "a number, more than 0 and at most 1"]),
        ("[ask]\nseed = 'x'", ["ask.seed", "'x' is not allowed", "a whole number, at least 0"]),
        ("[model]\ndevice = 'gpu'", ["model.device", "'gpu'", "'auto', 'cuda', 'mps' or 'cpu'"]),
        ("[engine]\ncompile = 'maybe'", ["engine.compile", "'maybe'", "'auto' or a valid boolean"]),
        ("[store]\nfolder = 3", ["store.folder", "3 is not allowed"]),
        ("[imagine]\nguidence = 3", ["imagine.guidence", "no such setting", "did you mean guidance?"]),
        ("[imagin]\ncount = 3", ["imagin", "no such section", "did you mean imagine?"]),
        ("[imagine]\nxyz = 3", ["[imagine] has guidance, temperature, count"]),
        ("[discord]\ntoken = 'secret'", ["discord.token", "does not belong in this file", "token_file in [discord]"]),
        ("DISCORD_TOKEN = 'secret'", ["does not belong in this file", "DISCORD_TOKEN"]),
        ("count = 3", ["count", "no such section", "imagine"]),
        ("imagine = 3", ["imagine", "this is a section"]),
        ("[imagine", ["not valid TOML", "declaration"]),
    ],
)
def test_a_mistake_in_the_file_names_key_file_and_what_is_allowed(config: Path, text: str, said: list[str]) -> None:
    config.write_text(text)
    message = complaint(config)
    for part in [str(config), *said]:
        assert part in message
    assert "secret" not in message


def test_a_mistake_names_the_option_or_variable_it_came_from(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("[imagine]\ncount = 9\n")
    monkeypatch.setenv("JANUS_IMAGINE_COUNT", "8")
    assert "environment variable JANUS_IMAGINE_COUNT: '8'" in complaint(config)
    assert "option --count: 7 is" in complaint(config, imagine={"count": 7})
    assert "option --model" in complaint(config, model={"name": 7}, imagine={"count": 1})


def test_every_mistake_is_counted(config: Path) -> None:
    config.write_text("[imagine]\ncount = 9\nguidance = 11\n")
    assert "(wrong settings besides: 1)" in complaint(config)


def test_a_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JANUS_IMAGNE_COUNT", "3")
    assert "JANUS_IMAGNE_COUNT: there is no such setting; did you mean JANUS_IMAGINE_COUNT?" in complaint()


def test_the_tests_own_variable_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JANUS_REFERENCE", "a folder")
    load()


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path) -> None:
    assert "nowhere.toml: there is no such settings file" in complaint(tmp_path / "nowhere.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xff")
    assert f"{binary}: can't be read" in complaint(binary)


def test_the_token_comes_from_the_variable_or_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text("from-the-file\n")
    settings = load(options={"discord": {"token_file": str(file)}})
    assert read_token(settings).get_secret_value() == "from-the-file"
    monkeypatch.setenv("DISCORD_TOKEN", "from-the-variable")
    assert read_token(settings).get_secret_value() == "from-the-variable"
    assert "from-the" not in repr(read_token(settings)) + repr(settings)


def test_a_token_in_place_of_its_file_is_told_without_showing_it() -> None:
    token = f"{'M' * 26}.{'G' * 6}.{'x' * 38}"
    with pytest.raises(SettingsError, match="looks like the token itself") as caught:
        read_token(load(options={"discord": {"token_file": token}}))
    assert "xxx" not in str(caught.value)


def test_without_a_token_it_says_where_to_get_one(tmp_path: Path) -> None:
    def complaint_of(settings: Settings) -> str:
        with pytest.raises(SettingsError) as caught:
            read_token(settings)
        return str(caught.value)

    message = complaint_of(load())
    assert "DISCORD_TOKEN" in message
    assert "token_file" in message
    assert "https://discord.com/developers/applications" in message
    (tmp_path / "empty").touch()
    assert "is empty" in complaint_of(load(options={"discord": {"token_file": str(tmp_path / "empty")}}))
    assert "No such file" in complaint_of(load(options={"discord": {"token_file": str(tmp_path / "absent")}}))
