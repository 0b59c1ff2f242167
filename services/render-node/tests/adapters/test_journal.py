"""What the journal keeps over every kind of end."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from lightmill.messages.node_report import Finish, Outcome
from lightmill.render_node.adapters.journal import SqliteJournal, opened_journal, peek
from lightmill.render_node.ports import Kept

DONE = Finish(attempt_id="done", outcome=Outcome.SUCCEEDED, seconds=1.5)
KILLED_WRITER = """
import asyncio, os, signal, sys
from pathlib import Path
from lightmill.messages.node_report import Finish
from lightmill.render_node.adapters.journal import opened_journal

async def main():
    async with opened_journal(Path(sys.argv[1])) as journal:
        await journal.obeyed(4, ["done", "running"], ["refused"])
        await journal.finished([Finish.model_validate_json(sys.argv[2])])
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


async def test_a_new_journal_is_empty(path: Path) -> None:
    async with opened_journal(path) as journal:
        assert await journal.kept() == Kept()


async def test_everything_written_outlives_kill_9(path: Path) -> None:
    argv = [sys.executable, "-c", KILLED_WRITER, str(path), DONE.model_dump_json()]
    ended = subprocess.run(argv, check=False)  # noqa: ASYNC221, S603  # nothing else runs here
    assert ended.returncode == -signal.SIGKILL
    async with opened_journal(path) as journal:
        assert await journal.kept() == Kept(
            epoch=4, finishes=(DONE,), refused=("refused",), abandoned=("running",)
        )


async def test_what_was_held_is_told_once(path: Path) -> None:
    async with opened_journal(path) as journal:
        await journal.obeyed(1, ["a"], [])
        assert (await journal.kept()).abandoned == ("a",)
        assert (await journal.kept()).abandoned == ()


async def test_the_epoch_never_falls(path: Path) -> None:
    async with opened_journal(path) as journal:
        await journal.obeyed(9, [], [])
        await journal.obeyed(3, [], [])
        assert (await journal.kept()).epoch == 9


async def test_a_settled_finish_is_forgotten(path: Path) -> None:
    async with opened_journal(path) as journal:
        await journal.finished([DONE])
        await journal.settled(["done", "unknown"])
        assert (await journal.kept()).finishes == ()


async def test_a_repeated_refusal_is_kept_once(path: Path) -> None:
    async with opened_journal(path) as journal:
        await journal.obeyed(1, [], ["a", "b"])
        await journal.obeyed(1, [], ["a"])
        assert (await journal.kept()).refused == ("a", "b")


async def test_looking_changes_nothing(path: Path) -> None:
    assert peek(path) == Kept()
    async with opened_journal(path) as journal:
        await journal.obeyed(2, ["a"], [])
        assert peek(path).abandoned == ("a",)
        assert (await journal.kept()).abandoned == ("a",)


async def test_a_file_that_is_no_database_is_put_aside(path: Path) -> None:
    path.write_bytes(b"scrambled" * 1000)  # noqa: ASYNC240  # nothing else runs here
    async with opened_journal(path) as journal:
        assert await journal.kept() == Kept()
    assert path.with_suffix(".broken").read_bytes().startswith(b"scrambled")


async def test_a_disk_that_fails_does_not_stop_the_node(path: Path) -> None:
    used_by_threads = sqlite3.connect(path, check_same_thread=False)
    with closing(used_by_threads) as connection:
        async with opened_journal(path):
            journal = SqliteJournal(connection)
        connection.execute("PRAGMA query_only = ON")
        await journal.finished([DONE])
        connection.execute("PRAGMA query_only = OFF")
        await journal.finished([DONE])
        assert (await journal.kept()).finishes == (DONE,)


async def test_ends_that_come_while_the_disk_is_busy_are_all_kept(tmp_path: Path) -> None:
    finishes = [Finish(attempt_id=f"a{n}", outcome=Outcome.SUCCEEDED) for n in range(40)]
    async with opened_journal(tmp_path / "journal.sqlite") as journal:
        await asyncio.gather(*(journal.finished([finish]) for finish in finishes))
        assert set((await journal.kept()).finishes) == set(finishes)
