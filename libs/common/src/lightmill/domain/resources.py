"""What a task needs of a machine, and what a machine offers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One graphics device of a node; `vram` in bytes."""

    index: int
    name: str = ""
    vendor: str = ""
    vram: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one task reserves; a need that is None means: the whole machine.

    Attributes:
        cores: Logical processors.
        ram: Bytes.
        gpus: Devices.
    """

    cores: int | None = None
    ram: int | None = None
    gpus: int = 0
    pool: str | None = None

    @property
    def whole_machine(self) -> bool:
        """Whether the task stated neither cores nor RAM, and so shares with nobody."""
        return self.cores is None and self.ram is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a node has in all, used or not; `ram` in bytes.

    Attributes:
        engines: Name of an engine to the versions of it on the node, newest first.
        sandbox: `bubblewrap`, `container` or `none`.
    """

    cores: int
    ram: int
    gpus: tuple[Gpu, ...] = ()
    engines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pools: tuple[str, ...] = ("default",)
    os: str = "linux"
    sandbox: str = "none"


def obstacle(needs: Needs, engine: str, offer: Offer) -> str | None:
    """Return the first need that `offer` could never meet, in words, or None when it fits."""
    if engine not in offer.engines:
        return f"engine {engine}"
    if needs.pool is not None and needs.pool not in offer.pools:
        return f"pool {needs.pool}"
    if (needs.cores or 0) > offer.cores:
        return f"{needs.cores} cores"
    if (needs.ram or 0) > offer.ram:
        return f"{(needs.ram or 0) / GIB:g} GB RAM"
    if needs.gpus > len(offer.gpus):
        return f"{needs.gpus} GPU"
    return None
