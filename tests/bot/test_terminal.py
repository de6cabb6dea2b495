"""Bars are for terminals; results have stdout to themselves."""

import io
import os
import pty
import sys

import pytest

from bot.terminal import bars, say, show


def draw() -> None:
    with bars() as progress:
        progress.update(progress.add_task("drawing", total=2), completed=1)


def test_a_bar_shows_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, os.fdopen(ours, "rb", buffering=0) as screen:
        monkeypatch.setattr(sys, "stderr", terminal)
        draw()
        assert b"drawing" in screen.read(4096)


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
