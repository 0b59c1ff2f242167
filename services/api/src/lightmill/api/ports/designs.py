"""What the api needs to keep designs, and the materials and textures they are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lightmill.api.core.component import Component
from lightmill.api.core.manifest import Entry
from lightmill.domain.principal import Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a design was made of at one time; nothing of it changes later.

    Attributes:
        number: 1 for the first; 0 before it is kept.
        model: Path of the model among `files`.
        files: Of the model, and of the textures of its materials.
        materials: By the model's own name of each: what stands for it, as it was then.
        uses: The farm's ids of those materials.
        analysis_id: Of the request to look into the model, if there was one.
    """

    id: str
    number: int = 0
    model: str
    files: tuple[Entry, ...]
    materials: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    engine: str
    analysis_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A model with its materials, to be rendered from any camera.

    Attributes:
        id: The farm's id of it.
        design_id: The caller's own id.
        version: The one that was asked for.
    """

    id: str
    design_id: str
    name: str
    version: Version


class Designs(Protocol):
    """Where designs are kept; whoever may not use one is told that there is none."""

    async def add(self, principal: Principal, design: Design) -> bool:
        """Keep a new design; False when the tenant has one of that id."""
        ...

    async def add_version(self, principal: Principal, design_id: str, version: Version) -> int:
        """Return the number of the new version.

        Raises:
            ProblemError: there is no such design, or it is somebody else's.
        """
        ...

    async def find(
        self, principal: Principal, design_id: str, version: int | None = None
    ) -> Design | None:
        """Return the design as it is in that version, or in the latest; None: there is none."""
        ...

    async def require_owned(self, principal: Principal, design_id: str) -> str:
        """Return the farm's id of a design that the bearer may change.

        Raises:
            ProblemError: there is no such design, or it is somebody else's.
        """
        ...

    async def show(self, principal: Principal, version_id: str, thumbnail_job: str) -> None:
        """Keep which job renders the picture of a version."""
        ...

    async def remove(self, principal: Principal, design_id: str) -> None:
        """Forget a design with all its versions.

        Raises:
            ProblemError: there is no such design, or it is somebody else's.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Texture:
    """A picture that materials may use."""

    id: str
    texture_id: str
    name: str
    colour_space: str
    file: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """How a surface looks.

    Attributes:
        shading: Its numbers, and under `textures` by their places what stands there.
        files: Of its textures.
        uses: The farm's ids of its textures.
    """

    id: str
    material_id: str
    name: str
    shading: Mapping[str, object]
    files: tuple[Entry, ...]
    uses: tuple[str, ...] = ()


class Materials(Protocol):
    """Where materials and textures are kept; of those of others it is said that there are none."""

    async def add_texture(self, principal: Principal, texture: Texture) -> bool:
        """Keep a texture; False when the tenant has one of that id."""
        ...

    async def add_material(self, principal: Principal, material: Material) -> bool:
        """Keep a material; False when the tenant has one of that id."""
        ...

    async def textures(self, principal: Principal, ids: Sequence[str]) -> Mapping[str, Texture]:
        """Return those of the textures that the bearer may use, by the callers' ids."""
        ...

    async def materials(self, principal: Principal, ids: Sequence[str]) -> Mapping[str, Material]:
        """Return those of the materials that the bearer may use, by the callers' ids."""
        ...

    async def remove(self, principal: Principal, kind: Component, name: str) -> None:
        """Forget a material or a texture.

        Raises:
            ProblemError: there is none, it is somebody else's, or something still uses it.
        """
        ...


class Grants(Protocol):
    """Who beside the owner may use what."""

    async def add(self, principal: Principal, kind: Component, name: str, user: str) -> None:
        """Let a user of the tenant use it; `*` is everybody.

        Raises:
            ProblemError: there is no such thing or no such user, or it is somebody else's.
        """
        ...

    async def remove(self, principal: Principal, kind: Component, name: str, user: str) -> bool:
        """Take that back; False when it was not so.

        Raises:
            ProblemError: there is no such thing, or it is somebody else's.
        """
        ...

    async def users(self, principal: Principal, kind: Component, name: str) -> list[str]:
        """Return the names of those who may use it beside its owner.

        Raises:
            ProblemError: there is no such thing, or it is somebody else's.
        """
        ...
