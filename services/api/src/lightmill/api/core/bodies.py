"""What clients send, as pydantic reads it: fields, bounds and examples."""

import json
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
)

from lightmill.domain.frames import FrameListError, FrameSet
from lightmill.domain.job import DEFAULT_PRIORITY, MAX_PRIORITY, NAMED_PRIORITIES, Json

_MOST_PARTS = 1000
_MOST_FILES = 100_000
_GIB_MAX = 65_536
_LONGEST_SETTINGS = 256 * 1024


def _frames(value: object) -> FrameSet:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("write frames as a text such as 1-100, 3, 5-10 or 1-100x10")  # noqa: TRY004  # pydantic reports ValueError alone
    text = str(value)
    if text.count(",") >= _MOST_PARTS:
        raise FrameListError(f"a frame list has at most {_MOST_PARTS} parts; use ranges")
    return FrameSet.parse(text)


def _priority(value: object) -> object:
    if isinstance(value, str) and not value.lstrip("-").isdigit():
        if value not in NAMED_PRIORITIES:
            raise ValueError(f"write 0 to {MAX_PRIORITY}, or {', '.join(NAMED_PRIORITIES)}")
        return NAMED_PRIORITIES[value]
    return value


def _bounded(settings: dict[str, Json]) -> dict[str, Json]:
    """Return `settings` when each order of the job can carry them to a node."""
    length = len(json.dumps(settings))
    if length > _LONGEST_SETTINGS:
        raise ValueError(f"settings have {length} characters of JSON; {_LONGEST_SETTINGS} at most")
    return settings


Frames = Annotated[
    FrameSet,
    PlainValidator(_frames),
    WithJsonSchema(
        {"type": "string", "examples": ["1-100", "47", "1-100x10"], "description": "Frame list"}
    ),
]
Priority = Annotated[
    int,
    BeforeValidator(_priority),
    Field(
        ge=0,
        le=MAX_PRIORITY,
        description="0-100, higher first; high_priority, default and "
        "low_priority stand for 75, 1 and 0",
    ),
]
Name = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Settings = Annotated[dict[str, Json], AfterValidator(_bounded)]
Identifier = Annotated[str, Field(min_length=1, max_length=36)]


class Body(BaseModel):
    """Root of what clients send: a field that is not known is refused, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SeedBody(BaseModel):
    """Root of the seeds' bodies: their clients may send more fields than are read."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class FileBody(Body):
    """One file of a bundle."""

    path: str = Field(max_length=1024, examples=["textures/wood.jpg"])
    asset_id: int = Field(ge=1, examples=[1])


Files = Annotated[list[FileBody], Field(min_length=1, max_length=_MOST_FILES)]


class BundleBody(Body):
    """Files that a job needs."""

    files: Files


class ArchiveBody(Body):
    """An archive that was uploaded, to be unpacked: zip or tar."""

    archive: str | int = Field(examples=[1])


class TaskBody(SeedBody):
    """Seeds 002 and 004: a scene to be rendered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "scene_file": "7",
                    "renderer": "blender",
                    "frames": "1-100",
                    "test_frames": "50",
                    "stop_after_test": True,
                    "priority": "high_priority",
                    "ram": 8,
                    "gpu_count": 0,
                }
            ]
        }
    )

    name: Name | None = None
    scene_file: str | int | None = None
    bundle: Identifier | None = None
    renderer: str = Field(default="blender", max_length=64)
    frames: Frames
    test_frames: Frames | None = None
    stop_after_test: bool = False
    priority: Priority = DEFAULT_PRIORITY
    ram: float | None = Field(default=None, ge=0, le=_GIB_MAX, description="GB")
    gpu_count: int = Field(default=0, ge=0, le=64)
    hardware_config_ids: list[int] = Field(default_factory=list, max_length=100)
    allow_waiting: bool = False
    allow_missing: bool = False
    settings: Settings = Field(default_factory=dict)


class PointBody(SeedBody):
    """A point or direction; Y is up."""

    x: float
    y: float
    z: float


class CameraBody(SeedBody):
    """Where a design is looked at from; `fov` is vertical, in degrees."""

    position: PointBody = PointBody(x=0, y=0, z=5)
    target: PointBody = PointBody(x=0, y=0, z=0)
    up: PointBody = PointBody(x=0, y=1, z=0)
    fov: float = Field(default=45.0, ge=1, le=179)


class DesignJobBody(SeedBody):
    """Seed 000: a design to be rendered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "designId": "test-design-1",
                    "userId": "test-user-1",
                    "camera": {
                        "position": {"x": 0, "y": 0, "z": 5},
                        "target": {"x": 0, "y": 0, "z": 0},
                        "up": {"x": 0, "y": 1, "z": 0},
                        "fov": 45,
                    },
                }
            ]
        }
    )

    designId: Name  # noqa: N815  # the seed's spelling
    userId: Name = "anonymous"  # noqa: N815  # the seed's spelling
    camera: CameraBody = Field(default_factory=CameraBody)
    width: int = Field(default=1920, ge=1, le=16384)
    height: int = Field(default=1080, ge=1, le=16384)
    samples: int = Field(default=64, ge=1, le=65536)
    format: Literal["PNG", "JPEG", "OPEN_EXR"] = "PNG"
    transparent: bool = False
    colours: Literal["Standard", "AgX"] = "Standard"
    ground: bool = False
    lights: Literal["auto", "studio", "own"] = "auto"
    turntable: int | None = Field(
        default=None, ge=2, le=10_000, description="Frames of one turn; null for a still"
    )
    version: int | None = Field(default=None, ge=1, description="Of the design; null: the latest")
    settings: Settings = Field(
        default_factory=dict, description="Of the simulated engine: seconds, seed, fail_frames"
    )


class HashesBody(SeedBody):
    """Seed 004: which of these contents are there already? MD5 or BLAKE3, hex."""

    hashes: list[Annotated[str, Field(max_length=128)]] = Field(
        max_length=10_000, examples=[["6e57efc1fb88700dfc4820e160348f07"]]
    )


class SceneBody(SeedBody):
    """Seed 004: a scene to be looked into.

    An asset id, a path that was uploaded, or an s3:// or oss:// key; with `bundle`, a path in it.
    """

    scene_file: str | int = Field(examples=["C:/Project/wolf.ma"])
    bundle: Identifier | None = None


class HardwareBody(Body):
    """A hardware profile; `ram` and `vram` in bytes."""

    name: Name = Field(examples=["render-64g"])
    cores: int = Field(ge=1, le=4096)
    ram: int = Field(ge=1, le=2**50)
    gpu_count: int = Field(default=0, ge=0, le=64)
    gpu_model: str = Field(default="", max_length=255)
    vram: int = Field(default=0, ge=0, le=2**50)
    price: float = Field(default=0, ge=0, le=1e9)


class HardwareChange(Body):
    """The fields of a hardware profile that change."""

    name: Name | None = None
    cores: int | None = Field(default=None, ge=1, le=4096)
    ram: int | None = Field(default=None, ge=1, le=2**50)
    gpu_count: int | None = Field(default=None, ge=0, le=64)
    gpu_model: str | None = Field(default=None, max_length=255)
    vram: int | None = Field(default=None, ge=0, le=2**50)
    price: float | None = Field(default=None, ge=0, le=1e9)


class TokenBody(Body):
    """Whom a new token is for; `lifetime` in seconds, null for one that lasts."""

    user: Name = Field(examples=["ada"])
    role: Literal["admin", "artist", "viewer", "enrolment"]
    lifetime: int | None = Field(default=None, ge=60, le=10 * 365 * 86400)


class NodeBody(Body):
    """A render machine that wants to take part."""

    name: Name = Field(examples=["node-1"])


class UploadNamesBody(Body):
    """Files that an attempt wants to store, below its own prefix."""

    names: list[str] = Field(
        min_length=1, max_length=1000, examples=[["0001.png", "thumbs/0001.jpg", "log.txt"]]
    )
