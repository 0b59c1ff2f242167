"""Shuts engines in: scenes carry code, and only the operating system can hold that."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from shutil import which
from typing import Protocol

import structlog

from lightmill.render_node.engines.contract import Command
from lightmill.render_node.ports import Launch

_log = structlog.get_logger(__name__)
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
_CONFIGURATION = (
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/localtime",
)
_FOR_THE_NETWORK = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl/certs")
_PLAIN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
_TMP_BYTES = str(2**29)
"""Of memory, which no limit on processes counts."""
_USER = "1000"
_PROBE_SECONDS = 10


class Sandbox(Protocol):
    """A way to keep an engine from everything that its frame does not need."""

    @property
    def level(self) -> str:
        """How much it holds: `bubblewrap`, `container` or `none`."""
        ...

    def wrap(self, command: Command, launch: Launch) -> tuple[str, ...]:
        """Return the command line that runs `command` inside."""
        ...

    def environment(self, command: Command, launch: Launch) -> Mapping[str, str]:
        """Return all of the environment that the engine gets."""
        ...


class Bubblewrap:
    """Namespaces of its own for every engine: no network, no other process, one folder to write.

    The folders have the same paths inside and outside.

    Args:
        program: The executable.
        nesting: Whether what is inside may make namespaces; more of the kernel is open then.
    """

    level = "bubblewrap"

    def __init__(self, program: str = "bwrap", *, nesting: bool = False) -> None:
        self._program = program
        self._nesting = nesting

    def wrap(self, command: Command, launch: Launch) -> tuple[str, ...]:
        """Return the command line that runs `command` inside."""
        return (
            *self._walls(share_network=bool(command.hosts)),
            *_read_only(*map(Path, _CONFIGURATION)),
            *(_read_only(*map(Path, _FOR_THE_NETWORK)) if command.hosts else ()),
            *_read_only(*command.readable, launch.project),
            *_devices(command),
            *("--bind", str(launch.scratch), str(launch.scratch)),
            *("--chdir", str(launch.scratch)),
            *("--remount-ro", "/", "--"),
            *command.argv,
        )

    def environment(self, command: Command, launch: Launch) -> Mapping[str, str]:
        """Return all of the environment that the engine gets."""
        del launch
        return {**_PLAIN, "HOME": "/tmp", "TMPDIR": "/tmp", **command.environment}  # noqa: S108  # private to the engine

    def works(self) -> bool:
        """Tell whether the kernel and this place allow it, by doing it."""
        probe = [*self._walls(share_network=False), "--", "/bin/true"]
        try:
            ended = subprocess.run(  # noqa: S603  # our own command line
                probe, check=False, capture_output=True, timeout=_PROBE_SECONDS, env=_PLAIN
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return ended.returncode == 0

    def _walls(self, *, share_network: bool) -> Iterator[str]:
        yield from (self._program, "--unshare-all", "--die-with-parent", "--new-session")
        if not self._nesting:
            yield from ("--unshare-user", "--disable-userns")
        if share_network:
            yield "--share-net"
        yield from ("--uid", _USER, "--gid", _USER, "--hostname", "engine", "--cap-drop", "ALL")
        yield from ("--proc", "/proc", "--dev", "/dev", "--ro-bind", "/usr", "/usr")
        for path in map(Path, _SYSTEM):
            if path.is_symlink():
                yield from ("--symlink", str(path.readlink()), str(path))
            elif path.is_dir():
                yield from _read_only(path)
        for folder in ("/tmp", "/dev/shm"):  # noqa: S108  # private to the engine
            yield from ("--size", _TMP_BYTES, "--tmpfs", folder)


class Unconfined:
    """No walls of our own; where the node is in a container, that is the wall."""

    def __init__(self, level: str) -> None:
        self._level = level

    @property
    def level(self) -> str:
        """`container` or `none`."""
        return self._level

    def wrap(self, command: Command, launch: Launch) -> tuple[str, ...]:
        """Return the command line as it is."""
        del launch
        return command.argv

    def environment(self, command: Command, launch: Launch) -> Mapping[str, str]:
        """Return all of the environment that the engine gets."""
        home = str(launch.scratch)
        return {**_PLAIN, "HOME": home, "TMPDIR": home, **command.environment}


@cache
def find_sandbox() -> Bubblewrap | Unconfined:
    """Return the strongest sandbox that works here; says so loudly when that is a weak one."""
    program = which("bwrap")
    for nesting in (False, True):
        if program is not None and (found := Bubblewrap(program, nesting=nesting)).works():
            return found
    weak = no_sandbox()
    _log.warning(
        "engines are not shut in: scenes can run code with this account's rights",
        level=weak.level,
        remedy="install bubblewrap and allow user namespaces",
        bubblewrap=program or "not installed",
    )
    return weak


def no_sandbox() -> Unconfined:
    """Return what there is without walls of our own: the node's container, or nothing."""
    return Unconfined("container" if _in_container() else "none")


def _in_container() -> bool:
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()


def _read_only(*paths: Path) -> Iterator[str]:
    """Show the paths, links on the way included, where the system does not hold them anyway."""
    for path in paths:
        if not path.is_relative_to("/usr"):
            yield from ("--ro-bind-try", str(path), str(path))


def _devices(command: Command) -> Iterator[str]:
    for device in command.devices:
        yield from ("--dev-bind-try", str(device), str(device))


def python_readable(python: Path) -> tuple[Path, ...]:
    """Return the folders that an interpreter needs: its environment's and its base's.

    Args:
        python: `bin/python` of a virtual environment, or of an installation.
    """
    prefixes = [python.parent.parent]
    while python.is_symlink():
        python = Path(os.path.normpath(python.parent / python.readlink()))
        prefixes.append(python.parent.parent)
    prefixes.append(python.resolve().parent.parent)
    return tuple(dict.fromkeys(prefix for prefix in prefixes if prefix != Path("/usr")))
