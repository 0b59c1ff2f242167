"""Seed 003's words for the scheduler."""

import pytest

from lightmill.scheduler.config import SchedulerSettings


def test_the_heartbeat_interval_is_the_beat_in_milliseconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIGHTMILL_HEARTBEAT_INTERVAL", "2500")
    assert SchedulerSettings().beat == 2.5


def test_without_it_the_beat_is_as_set() -> None:
    assert SchedulerSettings(beat=0.5).beat == 0.5
