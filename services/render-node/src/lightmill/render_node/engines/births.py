"""How a process of an engine comes about."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lightmill.render_node.engines.launching import find_launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """A program about to be started, in a session of its own.

    Attributes:
        mark: By which its processes can be found; `environment` holds it.
        file_bytes: The size that no file may exceed.
        descriptors: Its input, its output and its errors.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    mark: str
    file_bytes: int
    descriptors: tuple[int, int, int]


class Child(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int:
        """Its number; another's, perhaps, once it has ended."""
        ...

    @property
    def returncode(self) -> int | None:
        """What it ended with, a signal as a negative number; None while it runs."""
        ...

    @property
    def left_nothing(self) -> bool:
        """Whether it is known that, when it ended, all that it had started was gone."""
        ...

    async def wait(self) -> int:
        """Return what it ended with, once it has."""
        ...


class Births(Protocol):
    """Who starts processes."""

    async def start(self, birth: Birth) -> Child:
        """Return the process; it dies with the node.

        Raises:
            OSError: the program is not here or may not be run.
        """
        ...


class OwnBirths:
    """The node itself, by a command line that binds what it becomes to the node's life."""

    async def start(self, birth: Birth) -> Child:
        """Return the process; see `Births`."""
        child_input, out, err = birth.descriptors
        return OwnChild(
            await asyncio.create_subprocess_exec(
                *find_launch()(birth.argv, birth.file_bytes),
                stdin=child_input,
                stdout=out,
                stderr=err,
                cwd=birth.folder,
                env=birth.environment,
                start_new_session=True,
            )
        )


class OwnChild:
    """A process of which the event loop hears."""

    left_nothing = False

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """What it ended with."""
        return self._process.returncode

    async def wait(self) -> int:
        """Return what it ended with, once it has."""
        return await self._process.wait()
