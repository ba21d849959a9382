"""Every test of the screen sees the same terminal, and no settings of whoever runs it."""

import pytest


@pytest.fixture(autouse=True)
def terminal(monkeypatch, tmp_path):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("PRUSC_SETTINGS", str(tmp_path / "settings.toml"))
