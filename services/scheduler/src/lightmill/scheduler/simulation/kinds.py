"""Kinds of machines and of work, as a scenario lists them, and what is drawn from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from lightmill.domain.resources import Gpu, Needs, Offer
from lightmill.scheduler.simulation.kernel import Kernel

Span = tuple[float, float]


class Shared(Protocol):
    """One kind among others; of several it is drawn as often as its share says."""

    @property
    def share(self) -> float:
        """Return how often it is drawn, beside the shares of the others."""
        ...


Kind = TypeVar("Kind", bound=Shared)


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineKind:
    """Machines of one sort; spans are drawn from for each.

    Attributes:
        vram: Of each of its devices.
        sick: Share of the frames that fail there, whatever they are.
    """

    share: float = 1.0
    cores: Span = (4, 4)
    ram: Span = (100, 100)
    disk: int | None = None
    gpus: Span = (0, 0)
    vendor: str = "nvidia"
    vram: int = 16
    tags: Sequence[str] = ()
    pools: Sequence[str] = ("default",)
    sick: float = 0.0

    def offer(self, kernel: Kernel, engine: str) -> Offer:
        """Return what a machine of this sort has."""
        devices = range(round(kernel.draw(self.gpus)))
        return Offer(
            cores=round(kernel.draw(self.cores)),
            ram=round(kernel.draw(self.ram)),
            disk=self.disk,
            gpus=tuple(Gpu(index=i, vendor=self.vendor, vram=self.vram) for i in devices),
            engines={engine: ("1",)},
            tags=tuple(self.tags),
            pools=tuple(self.pools),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkKind:
    """Jobs of one sort; spans are drawn from for each.

    Attributes:
        shape: Of its steps: `plain`, `test`, `approval`, `each` (frame by frame) or `film`.
        seconds: Of a frame, in the middle.
        chunk: Frames handed out at once; 0: as many as the farm finds sensible.
        cores: Of a task; 0: it takes a machine for itself.
        machines: Pool to whose machines it is held; empty: any.
        follows: Share of the jobs that wait for the job before.
        appetite: Memory that a frame really takes, whatever its owner has said.
        fails: Share of its frames that fail, by kind, while the storm lasts.
    """

    share: float = 1.0
    user: str = "owner"
    shape: str = "plain"
    frames: Span = (3, 20)
    seconds: Span = (1.0, 6.0)
    chunk: Span = (1, 3)
    cores: int = 1
    ram: int = 1
    gpus: int = 0
    vram: int = 0
    vendor: str | None = None
    disk: int = 0
    tags: Sequence[str] = ()
    machines: str | None = None
    pool: str = "default"
    fifo: bool = False
    priority: Span = (1, 1)
    limits: Sequence[str] = ()
    follows: float = 0.0
    appetite: int = 0
    fails: Mapping[str, float] = field(default_factory=dict)

    @property
    def needs(self) -> Needs:
        """Return what one task asks for."""
        return Needs(
            cores=self.cores or None,
            ram=self.ram if self.cores else None,
            gpus=self.gpus,
            vram=self.vram,
            vendor=self.vendor,
            disk=self.disk,
            tags=tuple(self.tags),
            pool=self.machines,
        )


def one_of(kinds: Sequence[Kind], kernel: Kernel) -> Kind:
    """Return one of several kinds, each as often as its share says."""
    return kernel.random.choices(kinds, [kind.share for kind in kinds])[0]
