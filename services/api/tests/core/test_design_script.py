import ast
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.api.core.camera import Camera, Point
from lightmill.api.core.design_script import (
    MODEL_SUFFIXES,
    DesignError,
    RenderSettings,
    design_script,
)

NASTY = st.sampled_from(
    ['"""', "'''", '\\"""', "\\", '")', "\n", "\r", "\0", "{", "é", "😀", "\ud800"]
)
HOSTILE = st.lists(NASTY | st.characters(), min_size=1, max_size=40).map("".join)


def parsed(script: str) -> tuple[ast.Module, dict[str, Any]]:
    """Return the script without its values, and the values that the script itself would read."""
    module = ast.parse(script)
    for node in module.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DESIGN":
            call = node.value
            assert isinstance(call, ast.Call)
            values = json.loads(ast.literal_eval(call.args[0]))
            call.args[0] = ast.Constant("")
            return module, values
    raise AssertionError("the script reads no values")


PLAIN, _ = parsed(design_script("model.glb", Camera(), RenderSettings()))


@given(HOSTILE)
def test_any_name_is_data_and_never_code(name: str) -> None:
    model = f"{name}.glb"
    try:
        script = design_script(model, Camera(), RenderSettings())
    except DesignError as error:
        assert error.field == "model"  # noqa: PT017  # the other allowed outcome
        nameless = name == "" or name.endswith("/")  # .glb is a hidden file without a suffix
        outside = name.startswith("/") or ".." in f"{model}/".split("/")
        assert "\\" in name or nameless or outside
        return
    module, values = parsed(script)
    assert values["model"] == model
    assert ast.dump(module) == ast.dump(PLAIN)
    assert script.isascii()


@given(st.floats(-1e5, 1e5), st.floats(1, 179))
def test_numbers_arrive_as_they_are(height: float, fov: float) -> None:
    camera = Camera(position=Point(3.5, height, 7.25), fov=fov)
    _, values = parsed(design_script("a/b.blend", camera, RenderSettings(samples=9)))
    assert values["camera"]["position"] == {"x": 3.5, "y": height, "z": 7.25}
    assert values["camera"]["fov"] == fov
    assert values["render"]["samples"] == 9


def test_the_contracts_defaults() -> None:
    _, values = parsed(design_script("model.glb", Camera(), RenderSettings()))
    assert values["render"] == {
        "width": 1920,
        "height": 1080,
        "samples": 64,
        "format": "PNG",
        "transparent": False,
        "colours": "Standard",
        "ground": False,
        "lights": "auto",
        "frames": 1,
    }


@pytest.mark.parametrize("suffix", sorted(MODEL_SUFFIXES))
def test_every_known_format_is_loaded_by_the_script(suffix: str) -> None:
    script = design_script(f"model{suffix.upper()}", Camera(), RenderSettings())
    assert f'"{suffix}"' in script


@pytest.mark.parametrize(
    "model", ["a.exe", "a", "/a.glb", "../a.glb", "a/../../b.glb", "c:\\a.glb"]
)
def test_models_that_cannot_be_loaded_are_refused(model: str) -> None:
    with pytest.raises(DesignError) as error:
        design_script(model, Camera(), RenderSettings())
    assert error.value.field == "model"


@pytest.mark.parametrize(
    "settings",
    [
        {"width": 0},
        {"width": 16385},
        {"height": -1},
        {"samples": 0},
        {"frames": 0},
        {"frames": 10001},
        {"format": "TIFF"},
        {"colours": "Filmic"},
        {"lights": "disco"},
        {"transparent": True, "format": "JPEG"},
    ],
)
def test_settings_that_no_renderer_takes_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(DesignError) as error:
        RenderSettings(**settings)
    assert error.value.field == next(iter(settings))


def test_the_largest_settings_are_taken() -> None:
    assert RenderSettings(width=16384, height=16384, samples=65536, frames=10000).frames == 10000
