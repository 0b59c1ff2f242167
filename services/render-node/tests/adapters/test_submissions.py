"""What the node remembers of remote submissions."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typing_extensions import override

from lightmill.render_node.adapters.journal import opened_journal
from lightmill.render_node.adapters.submissions import JournalSubmissions
from lightmill.render_node.ports import Submission
from lightmill.runtime.clock import SystemClock

KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from lightmill.render_node.adapters.submissions import JournalSubmissions
from lightmill.runtime.clock import SystemClock

submissions = JournalSubmissions(Path(sys.argv[1]), SystemClock())
submissions.intended("s/1")
submissions.accepted("s/1", "r-1")
submissions.intended("s/2")
os.kill(os.getpid(), signal.SIGKILL)
"""


class LaterClock(SystemClock):
    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    @override
    def now(self) -> datetime:
        return self.at


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def test_everything_outlives_kill_9(path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED_WRITER, str(path)], check=False)  # noqa: S603
    again = JournalSubmissions(path, SystemClock())
    assert again.intended("s/1") == Submission("s/1/0", "r-1")
    assert again.intended("s/2") == Submission("s/2/0", None)


def test_a_submission_that_was_given_up_is_followed_by_another(path: Path) -> None:
    submissions = JournalSubmissions(path, SystemClock())
    submissions.intended("s/1")
    submissions.accepted("s/1", "r-1")
    submissions.given_up("s/1")
    assert submissions.intended("s/1") == Submission("s/1/1", None)


def test_what_is_a_week_old_is_forgotten(path: Path) -> None:
    clock = LaterClock()
    submissions = JournalSubmissions(path, clock)
    submissions.intended("s/1")
    submissions.accepted("s/1", "r-1")
    clock.at += timedelta(days=8)
    assert submissions.intended("s/1").remote_id is None


async def test_it_lives_in_the_journals_file_beside_it(path: Path) -> None:
    async with opened_journal(path) as journal:
        submissions = JournalSubmissions(path, SystemClock())
        submissions.intended("s/1")
        await journal.obeyed(3, ["a"], [])
        submissions.accepted("s/1", "r-1")
        assert (await journal.kept()).epoch == 3
    async with opened_journal(path):
        assert JournalSubmissions(path, SystemClock()).intended("s/1").remote_id == "r-1"


def test_a_disk_that_fails_is_an_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(OSError, match=r"journal\.sqlite"):
        JournalSubmissions(path, SystemClock()).intended("s/1")
