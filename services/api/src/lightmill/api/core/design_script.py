"""The Blender script that renders a design; the text of `design_template.py` with its values."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import PurePosixPath

from typing_extensions import override

from lightmill.api.core.camera import Camera

MODEL_SUFFIXES = frozenset(
    {".blend", ".glb", ".gltf", ".obj", ".fbx", ".usd", ".usda", ".usdc", ".usdz", ".stl", ".ply"}
)
FORMATS = ("PNG", "JPEG", "OPEN_EXR")
COLOURS = ("Standard", "AgX")
LIGHTS = ("auto", "studio", "own")
MAX_PIXELS = 16384
MAX_SAMPLES = 65536
MAX_TURN = 10000

_BEGIN, _END = 'DESIGN = json.loads(r"""', '""")'


class DesignError(ValueError):
    """A design that cannot be rendered.

    Attributes:
        field: `model`, or the name of a render setting.
        message: Why, and what to do, for a person.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field
        self.message = message

    @override
    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """How the image of a design is made; the defaults are the contract's.

    Attributes:
        width: Pixels.
        height: Pixels.
        samples: Of Cycles, for each pixel.
        format: One of FORMATS.
        transparent: Whether what lies behind the model is left out of the image.
        colours: One of COLOURS: `Standard` shows the model's colours as given, `AgX` holds
            highlights as film does.
        ground: Whether the model stands on a plane that takes its shadow.
        lights: One of LIGHTS: a rig where the model brings no light, always, or never.
        frames: 1 for a still; more for a turntable: the camera goes once round the target.

    Raises:
        DesignError: on making one with a value that no renderer takes.
    """

    width: int = 1920
    height: int = 1080
    samples: int = 64
    format: str = "PNG"
    transparent: bool = False
    colours: str = "Standard"
    ground: bool = False
    lights: str = "auto"
    frames: int = 1

    def __post_init__(self) -> None:
        _require_range("width", self.width, MAX_PIXELS)
        _require_range("height", self.height, MAX_PIXELS)
        _require_range("samples", self.samples, MAX_SAMPLES)
        _require_range("frames", self.frames, MAX_TURN)
        _require_one_of("format", self.format, FORMATS)
        _require_one_of("colours", self.colours, COLOURS)
        _require_one_of("lights", self.lights, LIGHTS)
        if self.transparent and self.format == "JPEG":
            raise DesignError("transparent", "JPEG has no transparency; use PNG or OPEN_EXR")


def require_model(path: str) -> None:
    """Return when `path` can be the model of a design.

    Raises:
        DesignError: the format is not known, or the path leads out of the bundle.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path:
        raise DesignError("model", "must be a path inside the bundle, with / and without ..")
    if pure.suffix.lower() not in MODEL_SUFFIXES:
        known = ", ".join(sorted(MODEL_SUFFIXES))
        raise DesignError("model", f"{pure.suffix or 'no suffix'} cannot be read; use {known}")


def design_script(
    model: str,
    camera: Camera | None,
    render: RenderSettings,
    materials: Mapping[str, Mapping[str, object]] | None = None,
) -> str:
    """Return a Python script that renders `model` in Blender 4.0 or newer.

    It lies in the bundle's top folder. `blender -b --python render.py`, or `python render.py`
    where `bpy` is installed, renders beside it; its `build(folder)` only sets the scene up.

    Args:
        model: Path of the model, relative to the script.
        camera: Where the model is looked at from; None: so that the whole of it is seen.
        render: How the image is made.
        materials: By the model's own name of each, or `*`: `{"name", "shading"}` of what stands
            for it; a texture's path is relative to the script.

    Raises:
        DesignError: the model's path is none that a script can load.
    """
    require_model(model)
    before, begin, rest = _template().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    values = {
        "model": model,
        "camera": None if camera is None else camera.document(),
        "render": asdict(render),
        "materials": dict(materials or {}),
    }
    # ASCII JSON never has three quotation marks in a row, and escapes with the backslash just
    # as a raw string reads it: whatever a name holds, it stays inside the literal.
    literal = json.dumps(values, indent=2, ensure_ascii=True, allow_nan=False)
    return f"{before}{begin}\n{literal}\n{end}{after}"


def _template() -> str:
    return files("lightmill.api.core").joinpath("design_template.py").read_text(encoding="utf-8")


def _require_range(field: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise DesignError(field, f"must be from 1 to {most}")


def _require_one_of(field: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise DesignError(field, f"must be one of {', '.join(known)}")
