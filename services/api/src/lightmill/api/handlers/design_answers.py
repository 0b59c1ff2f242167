"""What the api answers about designs, materials and textures, for its OpenAPI document."""

from datetime import datetime
from typing import Any

from pydantic import Field

from lightmill.api.core.metadata import Look
from lightmill.api.handlers.answers import Answer
from lightmill.api.handlers.stock_answers import Entry


class DesignMade(Answer):
    """The caller's id of a design, and which version was made."""

    design_id: str
    version: int


class Bounds(Answer):
    """The lowest and the highest corner of a model, Y up."""

    min: list[float]
    max: list[float]


class Camera(Answer):
    """A camera that the model brings; `fov` is vertical, in degrees."""

    name: str
    fov: float | None = None


class Metadata(Answer):
    """What is known of a model; `unknown` names what the analyzer cannot tell of its format."""

    format: str | None = None
    bounds: Bounds | None = None
    triangles: int | None = None
    materials: list[str] | None = None
    cameras: list[Camera] | None = None
    animations: list[str] | None = None
    unknown: list[str]
    missing: list[str]


class DesignSeen(Answer):
    """A design in one of its versions; `materials` are those that stand for the model's own."""

    design_id: str
    name: str
    version: int
    versions: int
    model: str
    engine: str
    files: list[Entry]
    materials: dict[str, str]
    state: Look
    error: str | None
    metadata: Metadata
    thumbnail_job: str | None
    thumbnail_url: str | None
    owner_id: str
    created_at: datetime
    version_created_at: datetime


class ThumbnailWanted(Answer):
    """The job that renders a picture."""

    job_id: str


class MaterialMade(Answer):
    """The caller's id of a material."""

    material_id: str


class MaterialSeen(MaterialMade):
    """A material; `textures` by their place."""

    name: str
    shading: dict[str, Any]
    textures: dict[str, str]
    owner_id: str
    created_at: datetime


class TextureMade(Answer):
    """The caller's id of a texture."""

    texture_id: str


class TextureSeen(TextureMade):
    """A texture and its file."""

    name: str
    colour_space: str
    file: Entry
    owner_id: str
    created_at: datetime


class SharesSeen(Answer):
    """Who beside the owner may use it; `*` is everybody of the tenant."""

    users: list[str] = Field(examples=[["ada", "grace"]])
