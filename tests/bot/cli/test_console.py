"""Bars are for terminals; results have stdout to themselves."""

import io
import logging
import os
import pty
import sys
from collections.abc import Callable

import pytest

from bot.cli.console import bars, log_bugs_to_stderr, log_to_stderr, say, show


def draw() -> None:
    with bars() as progress:
        progress.update(progress.add_task("drawing", total=2), completed=1)


def test_a_bar_shows_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, os.fdopen(ours, "rb", buffering=0) as screen:
        monkeypatch.setattr(sys, "stderr", terminal)
        draw()
        seen = b""
        while b"drawing" not in seen:  # a read returns as much as has come through so far
            seen += screen.read(4096)


def test_no_bar_shows_in_a_file_or_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    draw()
    assert file.getvalue() == ""


def test_messages_and_results_part_ways(capsys: pytest.CaptureFixture[str]) -> None:
    say("on the way")
    show("a red ", end="")
    show("circle")
    assert capsys.readouterr() == ("a red circle\n", "on the way\n")


@pytest.mark.parametrize("set_up", [lambda: log_to_stderr(logging.INFO), log_bugs_to_stderr])
def test_no_token_of_an_interaction_reaches_the_log(
    monkeypatch: pytest.MonkeyPatch, set_up: Callable[[], None]
) -> None:
    root, file = logging.Logger("root"), io.StringIO()
    monkeypatch.setattr(logging, "root", root)
    monkeypatch.setattr(sys, "stderr", file)
    set_up()
    addresses = ["https://discord.com/api/v10/webhooks/1000/aW50-secret_1/messages/@original?with=1"]
    addresses.append("/interactions/2000/aW50-secret_1/callback")
    for address in addresses:
        try:
            raise ConnectionError(f"Cannot connect to {address}")
        except ConnectionError:
            root.exception("POST %s responded with 429", address)
    assert "/webhooks/1000/[token]/messages/@original" in file.getvalue()
    assert "/interactions/2000/[token]/callback" in file.getvalue()
    assert "secret" not in file.getvalue()
