"""What an engine is: pure answers about a program, or a service, that renders."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json, Work
from lightmill.render_node.ports import Launch, Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """How an engine is started, and what of the machine it has to see.

    Attributes:
        argv: The program and its arguments.
        environment: Set beside PATH, HOME and LANG; nothing else is passed on.
        readable: Files and folders that the sandbox shows read-only, beside the system's own.
        devices: Device files that the sandbox shows, where they exist.
        hosts: Hosts that the engine has to reach; without any there is no network.
        patience: Seconds that it may take to leave when its input ends, before it is killed.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    readable: tuple[Path, ...] = ()
    devices: tuple[Path, ...] = ()
    hosts: tuple[str, ...] = ()
    patience: float = 0.0


@dataclass(frozen=True, slots=True)
class Ready:
    """The scene is open; frames may be asked for. `version` is the engine's, where it says."""

    version: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """The share of the frame that is done, 0 to 1."""

    share: float


@dataclass(frozen=True, slots=True)
class Rendered:
    """The frame that was asked for lies at `path`; `samples` a pixel, where the engine says."""

    path: Path
    samples: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The scene could not be opened, or the frame not be rendered; the process may live on."""

    kind: FailureKind
    detail: str


Event = Ready | Progress | Rendered | Failed


class Discovered(Protocol):
    """What all engines have in common."""

    @property
    def name(self) -> str:
        """What jobs call the engine."""
        ...

    def discover(self) -> tuple[str, ...]:
        """Return the versions on this machine that can be used, newest first; may be slow."""
        ...


@runtime_checkable
class WarmEngine(Discovered, Protocol):
    """A program that keeps a scene open between frames. Apart from `discover`, it is pure.

    The process gets `opening` on its standard input, tells that it is ready, and from then on
    gets one `request` a frame and tells of its progress and its end. It ends when its input does.
    """

    def command(self, launch: Launch) -> Command:
        """Return how to start a process for the launch."""
        ...

    def opening(self, launch: Launch) -> str:
        """Return the first line for the process: what to open, and how to render it."""
        ...

    def request(self, frame: int, output: Path) -> str:
        """Return the line that asks for a frame."""
        ...

    def read(self, line: str) -> Event | None:
        """Return what a line of standard output tells, or None when it is talk for the log."""
        ...

    def classify_failure(self, exit_code: int, tail: str) -> FailureKind:
        """Return why a process ended that should not have; negative codes are signals."""
        ...


@runtime_checkable
class ColdEngine(Discovered, Protocol):
    """A program that is started for every frame. Apart from `discover`, it is pure."""

    def frame_command(self, launch: Launch, frame: int, output: Path) -> Command:
        """Return how to render one frame; the image belongs to `output`, or beside it.

        Raises:
            RenderFailedError: the settings of the work cannot be rendered.
        """
        ...

    def read(self, line: str) -> Event | None:
        """Return what a line of its output tells, or None when it is talk for the log.

        Both outputs are read. `Ready` ends the start limit; `Rendered` is not told by a line but
        by the process's end and a file; after `Failed` the process is killed.
        """
        ...

    def outputs(self, launch: Launch, frame: int, output: Path) -> tuple[str, ...]:
        """Return where the image may lie, as globs below the folder of `output`, best first.

        None at all where the frame is to leave no file.
        """
        ...

    def classify_failure(self, exit_code: int, tail: str) -> FailureKind:
        """Return why the program ended with that code, or without an image and code 0."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a remote service is asked; `path` is below the service's URL."""

    method: str
    path: str
    body: Json = None


@dataclass(frozen=True, slots=True)
class Stored:
    """The service has rendered the frame; the image is read at `url`."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a remote service is waited for; seconds.

    Attributes:
        timeout: For one frame, from the submission to the image.
        interval: Between two polls.
        polls: How many times it is asked how it stands.
    """

    timeout: float
    interval: float
    polls: int


class RemoteEngine(Discovered, Protocol):
    """A service that renders elsewhere: a frame is submitted, polled and downloaded. Pure.

    What is thrown as ValueError by what reads an answer is told as a failure of the frame.
    """

    def patience(self, work: Work) -> Patience:
        """Return how long the service may take for a frame of the work."""
        ...

    def submission(self, work: Work, frame: int) -> Request:
        """Return what asks for a frame.

        Raises:
            RenderFailedError: the settings of the work have no such frame.
        """
        ...

    def submitted(self, answer: Json) -> str:
        """Return the service's own name of the render that it has taken."""
        ...

    def polling(self, remote_id: str) -> Request:
        """Return what asks how a render stands."""
        ...

    def polled(self, answer: Json) -> Progress | Stored | Failed | None:
        """Return how it stands; None when it waits."""
        ...


@runtime_checkable
class Service(Discovered, Protocol):
    """An engine without a process on this machine."""

    def open(self, launch: Launch) -> Renderer:
        """Return a renderer for one step."""
        ...


Engine = WarmEngine | ColdEngine | Service
