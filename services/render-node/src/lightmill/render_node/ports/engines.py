"""What the node needs of its engines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Work

OnProgress = Callable[[float], None]
"""Called with the share of the frame that is done, 0 to 1."""
Ahead = tuple[int, Path]
"""A frame and its output."""


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
        exists: Whether there is such a file; False where the work asks for none.
        peak_ram: The most bytes that the engine has held until then, where somebody looked.
        samples: Samples a pixel, where the engine says.
        engine: Its name and version.
    """

    path: Path
    seconds: float
    peak_ram: int | None = None
    samples: int | None = None
    engine: str | None = None
    exists: bool = True


class Renderer(Protocol):
    """An engine with a scene, kept warm between frames.

    The process may start as late as the first `render`. Cancelling `render` is allowed; `close`
    follows then.
    """

    async def render(
        self, frame: int, output: Path, on_progress: OnProgress, ahead: Ahead | None = None
    ) -> RenderedImage:
        """Render `frame` to `output` below the scratch folder.

        A process that died fails one frame; the next call starts another.

        Args:
            frame: Which.
            output: It has the suffix of the wanted format.
            on_progress: Told how far it is; that a process begins the frame is a part of that.
            ahead: What will be asked for next: an engine may begin it as soon as it is done with
                this one. Whoever does not ask for it then closes the renderer.

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
