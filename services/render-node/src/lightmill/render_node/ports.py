"""What the node needs of its engines, of the api, and of the object store."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Work
from lightmill.messages.node_report import Finish

OnProgress = Callable[[float], None]
"""Called with the share of the frame that is done, 0 to 1."""


class RenderFailedError(Exception):
    """A frame could not be rendered.

    Attributes:
        kind: What follows depends on it: out of memory asks for more, a licence waits.
        detail: The last lines of the engine's output, for a person.
    """

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail

    @override
    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a renderer is opened with; it serves every frame of one step.

    Attributes:
        project: Read-only folder with the bundle's files.
        scratch: Writable folder; outputs go below it.
        cores: Processors that the engine may use.
        ram: Bytes that the engine may use.
        gpus: Indices of the devices that the engine may see.
        log: The engine's output is appended to it.
        disk: Bytes that the scratch folder may hold.
    """

    step_id: str
    work: Work
    project: Path
    scratch: Path
    cores: int
    ram: int
    gpus: tuple[int, ...]
    log: Path
    disk: int = 2**36


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedImage:
    """A file that the engine says is the frame; `seconds` is what rendering it took.

    Attributes:
        peak_ram: The most bytes that the engine has held until then, where somebody looked.
        samples: Samples a pixel, where the engine says.
        engine: Its name and version.
    """

    path: Path
    seconds: float
    peak_ram: int | None = None
    samples: int | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedImage:
    """An image that has been opened and read to its end."""

    width: int
    height: int
    media_type: str


class Renderer(Protocol):
    """An engine with a scene, kept warm between frames.

    The process may start as late as the first `render`. Cancelling `render` is allowed; `close`
    follows then.
    """

    async def render(self, frame: int, output: Path, on_progress: OnProgress) -> RenderedImage:
        """Render `frame` to `output` below the scratch folder.

        `output` has the suffix of the wanted format. A process that died fails one frame; the
        next call starts another.

        Raises:
            RenderFailedError: there is no image.
        """
        ...

    async def close(self) -> None:
        """Kill the whole process tree; returns when it is gone. May be called twice."""
        ...


class Renderers(Protocol):
    """The engines of this machine."""

    def engines(self) -> Mapping[str, tuple[str, ...]]:
        """Return the name of every engine that can be used to its versions, newest first."""
        ...

    @property
    def sandbox(self) -> str:
        """How engines are shut in: `bubblewrap`, `container` or `none`."""
        ...

    async def open(self, launch: Launch) -> Renderer:
        """Return a renderer for one step.

        Raises:
            RenderFailedError: the engine is not here, or cannot be started.
        """
        ...


class Images(Protocol):
    """Looks into image files. Blocking; called from threads."""

    def check(self, path: Path, width: int | None, height: int | None) -> CheckedImage:
        """Return the size and type of the image, having read all of it.

        Args:
            path: The file.
            width: What it has to be in pixels, or None when any will do.
            height: Likewise.

        Raises:
            RenderFailedError: of kind OUTPUT: missing, truncated, or of the wrong size.
        """
        ...

    def thumbnail(self, path: Path, target: Path) -> None:
        """Write a small JPEG of the image to `target`.

        Raises:
            RenderFailedError: of kind OUTPUT: the image cannot be read.
        """
        ...


class AttemptGoneError(Exception):
    """The api says that the attempt is no longer this node's; stop it."""


class ContentGoneError(Exception):
    """The object store does not have what a bundle names."""


class NotAdmittedError(Exception):
    """The api refuses the node's token; a person has to enrol the node anew."""


class UnreachableError(Exception):
    """The api or the object store does not answer or has trouble; ask again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeIdentity:
    """Who the node is for the farm."""

    node_id: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFile:
    """One file of a bundle; `path` is relative, `url` reads it for some minutes."""

    path: str
    blake3: str
    size: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadUrl:
    """Where one file of an attempt goes: its name in the store, and a URL for one PUT."""

    key: str
    url: str


class Api(Protocol):
    """What the api offers to an enrolled node.

    Every call may raise UnreachableError, and RenderFailedError where asking again is no use.
    """

    async def bundle(self, attempt_id: str) -> Sequence[BundleFile]:
        """Return the files that the attempt needs.

        Raises:
            AttemptGoneError: the attempt is not this node's, or has ended.
            NotAdmittedError: the token is unknown or revoked.
        """
        ...

    async def upload_urls(self, attempt_id: str, names: Sequence[str]) -> Mapping[str, UploadUrl]:
        """Return where to store each of `names`.

        Raises:
            AttemptGoneError: the attempt is not this node's, or has ended.
            NotAdmittedError: the token is unknown or revoked.
        """
        ...


class Transfers(Protocol):
    """Moves files by presigned URLs.

    Every call may raise UnreachableError, and RenderFailedError where asking again is no use.
    """

    async def download(self, url: str, target: Path, size: int) -> str:
        """Write what the URL holds to `target`; returns its BLAKE3, hex, taken on arrival.

        Args:
            url: Presigned.
            target: A new file.
            size: Bytes that are expected; a large object is fetched in ranges.

        Raises:
            ContentGoneError: the store has no such object.
        """
        ...

    async def upload(self, url: str, source: Path, media_type: str) -> None:
        """Store the file under the URL."""
        ...


class Enrolment(Protocol):
    """Makes a new node known to the farm."""

    async def enrol(self, name: str) -> NodeIdentity:
        """Return the identity that the farm gave to the node called `name`.

        Raises:
            NotAdmittedError: the enrolment token is unknown, used up or revoked.
            UnreachableError: the api does not answer.
        """
        ...


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
