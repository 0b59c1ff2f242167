"""What a task needs of a machine, and what a machine offers."""

from collections.abc import Iterable, Iterator, Mapping
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
class Profile:
    """A named kind of machine; `ram` and `vram` in bytes, and least what a node must have."""

    id: str
    name: str = ""
    cores: int = 0
    ram: int = 0
    gpus: int = 0
    gpu_model: str = ""
    vram: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one task reserves; a need that is None means: the whole machine.

    Attributes:
        cores: Logical processors.
        ram: Bytes.
        gpus: Devices.
        vram: Bytes that each of them has at least.
        vendor: Of the devices, such as `nvidia`; None: any.
        disk: Bytes of the node's workspace.
        version: What the engine's version begins with, such as `4.5`; None: any.
        os: `linux`, `windows` or `macos`; None: any.
        tags: All of which the node carries.
        profiles: Kinds of machine, one of which the node has to be; none: any machine.
        sandbox: The least level of isolation of the engine, where the pool demands no more.
    """

    cores: int | None = None
    ram: int | None = None
    gpus: int = 0
    vram: int = 0
    vendor: str | None = None
    disk: int = 0
    version: str | None = None
    os: str | None = None
    pool: str | None = None
    tags: tuple[str, ...] = ()
    profiles: tuple[Profile, ...] = ()
    sandbox: str | None = None

    @property
    def whole_machine(self) -> bool:
        """Whether the task stated neither cores nor RAM, and so shares with nobody."""
        return self.cores is None and self.ram is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a node has in all, used or not; `ram` and `disk` in bytes.

    Attributes:
        disk: Of the workspaces; None: not said, and not limited.
        engines: Name of an engine to the versions of it on the node, newest first.
        sandbox: `bubblewrap`, `container` or `none`.
        faulty: Engines that are there and not offered, with the reason: they failed a test render.
        hindrances: Why the node takes no work at present, in words.
    """

    cores: int
    ram: int
    disk: int | None = None
    gpus: tuple[Gpu, ...] = ()
    engines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pools: tuple[str, ...] = ("default",)
    tags: tuple[str, ...] = ()
    os: str = "linux"
    sandbox: str = "none"
    faulty: Mapping[str, str] = field(default_factory=dict)
    hindrances: tuple[str, ...] = ()


SANDBOXES = ("none", "container", "bubblewrap")
"""Levels of isolation, the weakest first."""


def devices(needs: Needs, gpus: Iterable[Gpu]) -> tuple[int, ...]:
    """Return the indices of those of `gpus` that serve `needs`, the smallest memory first."""
    fitting = [
        gpu
        for gpu in gpus
        if gpu.vram >= needs.vram and (needs.vendor is None or gpu.vendor == needs.vendor)
    ]
    return tuple(gpu.index for gpu in sorted(fitting, key=lambda gpu: (gpu.vram, gpu.index)))


def obstacle(needs: Needs, engine: str, offer: Offer) -> str | None:
    """Return the first need that `offer` could never meet, in words, or None when it fits."""
    return next(_obstacles(needs, engine, offer), None)


def _obstacles(needs: Needs, engine: str, offer: Offer) -> Iterator[str]:
    versions = offer.engines.get(engine)
    if versions is None:
        yield f"engine {engine}"
    elif needs.version is not None and not any(_is_version(v, needs.version) for v in versions):
        yield f"engine {engine} {needs.version}"
    if needs.pool is not None and needs.pool not in offer.pools:
        yield f"pool {needs.pool}"
    yield from (f"tag {tag}" for tag in needs.tags if tag not in offer.tags)
    if needs.os is not None and needs.os != offer.os:
        yield f"operating system {needs.os}"
    if not is_as_strong(offer.sandbox, needs.sandbox):
        yield f"sandbox {needs.sandbox}"
    yield from _short(needs, offer)
    if needs.profiles and not any(is_profile(profile, offer) for profile in needs.profiles):
        yield "hardware " + " or ".join(profile.name or profile.id for profile in needs.profiles)


def _short(needs: Needs, offer: Offer) -> Iterator[str]:
    """Yield what `offer` has too little of."""
    if (needs.cores or 0) > offer.cores:
        yield f"{needs.cores} cores"
    if (needs.ram or 0) > offer.ram:
        yield f"{(needs.ram or 0) / GIB:g} GB RAM"
    if offer.disk is not None and needs.disk > offer.disk:
        yield f"{needs.disk / GIB:g} GB of disk"
    if needs.gpus > len(offer.gpus):
        yield f"{needs.gpus} GPU"
    elif needs.gpus > len(devices(needs, offer.gpus)):
        vendor = f" of {needs.vendor}" if needs.vendor else ""
        yield f"{needs.gpus} GPU{vendor} with {needs.vram / GIB:g} GB"


def _is_version(version: str, wanted: str) -> bool:
    return version == wanted or version.startswith(f"{wanted}.")


def _level(sandbox: str) -> int:
    return SANDBOXES.index(sandbox) if sandbox in SANDBOXES else 0


def stronger(one: str | None, other: str | None) -> str | None:
    """Return the stronger of two demanded levels; None demands nothing."""
    return max((one, other), key=lambda level: -1 if level is None else _level(level))


def is_as_strong(sandbox: str, demanded: str | None) -> bool:
    """Tell whether a level is at least the one that is demanded."""
    return demanded is None or _level(sandbox) >= _level(demanded)


def is_profile(profile: Profile, offer: Offer) -> bool:
    """Tell whether a machine is of that kind."""
    wanted = profile.gpu_model.lower()
    gpus = [g for g in offer.gpus if g.vram >= profile.vram and wanted in g.name.lower()]
    enough = offer.cores >= profile.cores and offer.ram >= profile.ram
    return enough and len(gpus) >= profile.gpus
