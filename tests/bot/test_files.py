"""Settings and token files, as people's editors and shells write them."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.config import ROOT, SettingsError, load
from bot.token import read_token
from tests.fuzz import made_up


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("JANUS_") or name == "DISCORD_TOKEN":
            monkeypatch.delenv(name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_settings_are_read_in_every_way_that_windows_writes_text(tmp_path: Path, encoding: str, newline: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"# für 猫{newline}[imagine]{newline}count = 3{newline}", encoding=encoding, newline="")
    assert load(file).imagine.count == 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_so_is_the_token(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "token").write_text("from-the-file\r\n", encoding=encoding, newline="")
    found = load(options={"discord": {"token_file": str(tmp_path / "token")}})
    assert read_token(found).get_secret_value() == "from-the-file"


def complaint(tmp_path: Path, data: bytes) -> str:
    file = tmp_path / "mine.toml"
    file.write_bytes(data)
    with pytest.raises(SettingsError) as caught:
        load(file)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("data", [b"\xff\xff", "[imagine]".encode("utf-16-le") + b"\xd8", b"# \xe9t\xe9"])
def test_what_is_no_text_in_utf_8_is_said_to_be_none(tmp_path: Path, data: bytes) -> None:
    told = complaint(tmp_path, data)
    assert "save it as text in UTF-8" in told or "not valid TOML" in told


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (rb'folder = "C:\Users\me\data"', "in single quotes, or with slashes"),
        (rb'folder = "D:\janus"', "in single quotes, or with slashes"),
        (rb'folder = "C:\new\table"', "a path in single quotes or with slashes"),
    ],
)
def test_a_windows_path_in_double_quotes_is_explained(tmp_path: Path, line: bytes, says: str) -> None:
    assert says in complaint(tmp_path, b"[store]\n" + line)


def test_a_windows_path_in_single_quotes_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(rb"[store]" + b"\n" + rb"folder = 'C:\new\table'")
    assert load(tmp_path / "mine.toml").store.folder == ROOT / r"C:\new\table"


@given(
    st.binary(max_size=200)
    | st.text(max_size=80).map(lambda text: f'[store]\nfolder = "{text}"'.encode(errors="replace"))
)
@example(b"[limits]\nqueue = 99999999999999999999999999999999")
@example(b"[imagine]\nguidance = nan")
@example(b'[store]\nfolder = "~nobody/data"')
@example(b"a = " + b"[" * 5000)
@made_up
def test_whatever_is_made_up_is_read_or_explained_in_a_line(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(data)
    with suppress(SettingsError):  # and nothing else
        load(file)
