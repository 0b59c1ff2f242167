"""The folder that a node keeps everything in."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StateFolderError(Exception):
    """The state folder cannot be used; the message says what to do."""


class StateFolderBusyError(StateFolderError):
    """Another node runs in the state folder."""


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """Make the folder this process's own while the block runs; the kernel ends it with us.

    Raises:
        StateFolderError: another node uses it, or it cannot be written.
    """
    lock = folder / "lock"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateFolderError(
            f"the state folder {folder} cannot be used ({error.strerror}); set"
            " LIGHTMILL_NODE_STATE_DIR to a folder that this user can write"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise StateFolderBusyError(
            f"another node runs in {folder}; give each node a LIGHTMILL_NODE_STATE_DIR of its own"
        ) from error
    try:
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield folder
    finally:
        os.close(handle)


def is_claimed(folder: Path) -> bool:
    """Tell whether a node runs in the folder.

    Raises:
        StateFolderError: the folder cannot be written by this user.
    """
    try:
        with claimed(folder):
            return False
    except StateFolderBusyError:
        return True


def drain(folder: Path) -> bool:
    """Ask the node that runs in the folder to end its work and leave; tell whether one does.

    Raises:
        StateFolderError: the folder is not to be used, or the node is another user's.
    """
    if not folder.is_dir() or not is_claimed(folder):
        return False
    try:
        os.kill(int((folder / "lock").read_text("ascii")), signal.SIGTERM)
    except (ValueError, OSError) as error:
        raise StateFolderError(
            f"the node in {folder} cannot be told to leave ({error}); send it SIGTERM yourself"
        ) from error
    return True
