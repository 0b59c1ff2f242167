"""What the node keeps on its own disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lightmill.messages.node_report import Finish


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the journal remembers of the time before.

    Attributes:
        epoch: The highest that was seen.
        finishes: Ends that were not settled.
        refused: Attempts that are not taken (again), oldest first.
        abandoned: Attempts that were held when the node died.
    """

    epoch: int = 0
    finishes: tuple[Finish, ...] = ()
    refused: tuple[str, ...] = ()
    abandoned: tuple[str, ...] = ()


class Journal(Protocol):
    """What survives the death of the node. A call returns when it is on the disk.

    A disk that fails costs durability, which the protocol can bear, and is logged; it never stops
    the node.
    """

    async def kept(self) -> Kept:
        """Return what was remembered, and forget the attempts that were held."""
        ...

    async def obeyed(self, epoch: int, taken: Sequence[str], refused: Sequence[str]) -> None:
        """Remember the epoch, the attempts now held, and those to refuse."""
        ...

    async def finished(self, finishes: Sequence[Finish]) -> None:
        """Remember these ends until they are settled."""
        ...

    async def settled(self, attempt_ids: Sequence[str]) -> None:
        """Forget these ends."""
        ...


@dataclass(frozen=True, slots=True)
class JobFolder:
    """Names the workspace of a job: `workspace/{owner}/{job}`."""

    owner: str
    job_id: str


class Workspaces(Protocol):
    """The folders in which attempts are rendered. Blocking; called from threads where it copies.

    Every path is made by the node itself; a symbolic link where a folder belongs is refused.
    """

    def project(self, job: JobFolder, bundle_id: str | None) -> Path | None:
        """Return the folder with the bundle's files when it is complete, else None."""
        ...

    def assemble(self, job: JobFolder, bundle_id: str | None, files: Mapping[str, Path]) -> Path:
        """Return a folder that holds `files`, by relative path, as hard links."""
        ...

    def gather(self, job: JobFolder, name: str, files: Mapping[str, Path]) -> Path:
        """Return a folder of that name to which `files` have been added, as hard links.

        Those that are there already stay: whoever works in the folder is not disturbed.
        """
        ...

    def scratch(self, job: JobFolder, name: str) -> Path:
        """Return a new writable folder for one renderer."""
        ...

    def log(self, job: JobFolder, name: str) -> Path:
        """Return where the output of that renderer's engine is kept; no engine can write it."""
        ...

    def collect(self, scratch: Path, image: Path, attempt_id: str) -> Path:
        """Move an image out of the engine's reach and return where it is now.

        Raises:
            RenderFailedError: of kind OUTPUT: there is no such plain file below `scratch`.
        """
        ...

    def forget_empty(self, scratch: Path, attempt_id: str) -> bool:
        """Tell whether an attempt has left nothing; then its folder is gone. Does not block."""
        ...

    def forget_attempt(self, scratch: Path, attempt_id: str) -> None:
        """Delete what an attempt left in a scratch folder and what was collected from it."""
        ...

    def forget_scratch(self, scratch: Path) -> None:
        """Delete a renderer's scratch folder."""
        ...

    def forget(self, job: JobFolder) -> int:
        """Delete everything of the job and return the bytes that the disk got back.

        What the content store holds as well is not freed by it.
        """
        ...

    def forget_all(self) -> None:
        """Delete every workspace."""
        ...

    def free(self) -> int:
        """Return the bytes free on the disk."""
        ...


class Contents(Protocol):
    """Files by their BLAKE3; those used longest ago go when there are too many. Blocking."""

    def find(self, blake3: str, size: int) -> Path | None:
        """Return where that content is, unchanged since it came, or None."""
        ...

    def incoming(self) -> Path:
        """Return a new name to which content may be written before it is added."""
        ...

    def add(self, blake3: str, path: Path) -> Path:
        """Take the file at `path` in, under its hash; returns where it is."""
        ...

    def trim(self, ceiling: int) -> None:
        """Delete what was used longest ago until at most `ceiling` bytes are left."""
        ...


@dataclass(frozen=True, slots=True)
class Submission:
    """What is known of a render that a remote service was asked for.

    Attributes:
        key: Names this submission to the service, the same at every try.
        remote_id: The service's own name of it; None as long as no answer was kept.
    """

    key: str
    remote_id: str | None


class Submissions(Protocol):
    """What remote services were asked for; survives the death of the node. Blocking.

    A call returns when what it says is on the disk.

    Raises:
        OSError: the disk fails; then nothing may be submitted.
    """

    def intended(self, frame_key: str) -> Submission:
        """Return the submission for a frame: the one that was made, or a new one."""
        ...

    def accepted(self, frame_key: str, remote_id: str) -> None:
        """Remember under which name the service renders the frame."""
        ...

    def given_up(self, frame_key: str) -> None:
        """Remember that nothing comes of it any more: the next one is a new submission."""
        ...
