"""What the analyzer needs from the outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from lightmill.analyzer.core.reading import SceneReading


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFile:
    """One file of a request: its path in the bundle, its size in bytes, and where it is kept.

    `object_key` is None when the tenant has no such asset any more.
    """

    path: str
    size: int
    object_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A scene that somebody wants looked into; `content_key` is equal where the answer is."""

    id: str
    tenant_id: str
    scene: str
    files: tuple[BundleFile, ...]
    content_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a request: an outcome, or the reason why there is none."""

    outcome: Mapping[str, object] | None
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        """Tell whether there is an outcome."""
        return self.error is None


class Analyses(Protocol):
    """Requests and their answers."""

    async def waiting(self, limit: int) -> Sequence[str]:
        """Return the ids of requests without an answer, the oldest first."""
        ...

    async def find(self, analysis_id: str) -> Request | None:
        """Return the request, or None when there is none or it has been answered."""
        ...

    async def known(self, request: Request) -> Mapping[str, object] | None:
        """Return the outcome that the same content had before in the same tenant, or None."""
        ...

    async def answer(self, request: Request, answer: Answer) -> bool:
        """Keep `answer` and announce it, in one transaction; False when there is one already."""
        ...


class UnreadableSceneError(Exception):
    """The scene cannot be read; trying again would end the same way.

    Attributes:
        reason: Why, for the person who sent it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @override
    def __str__(self) -> str:
        return self.reason


class SceneReader(Protocol):
    """Reads scene files that nobody has looked at before.

    Attributes:
        needs: Which files it reads, by suffix (`.blend`) or name (`workspace.mel`); of all others
            the path is enough.
    """

    needs: frozenset[str]

    async def read(self, folder: Path, scene: str) -> SceneReading:
        """Return what the scene file says.

        Args:
            folder: The bundle's files as far as they are read; may be changed.
            scene: Path of the scene below `folder`.

        Raises:
            UnreadableSceneError: it is damaged, too large, takes too long, or is no scene.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A file that came out of an archive: its path in it, where it lies now, what it holds."""

    path: str
    file: Path
    size: int
    blake3: str


class Unpacker(Protocol):
    """Unpacks archives that nobody has looked into before."""

    async def unpack(self, folder: Path, archive: str) -> Sequence[Unpacked]:
        """Return what came out of the archive, all of it below `folder`.

        Raises:
            UnreadableSceneError: it is damaged, hostile, too large, or takes too long.
        """
        ...
