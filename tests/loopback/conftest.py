import pytest

from bot.core import rest


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot waits for seconds between two attempts; here the second one may follow at once."""
    monkeypatch.setattr(rest, "RETRY_SECONDS", (0.01,) * len(rest.RETRY_SECONDS))
