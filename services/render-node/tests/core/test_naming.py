from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.domain.job import Json, Work
from lightmill.render_node.core.naming import (
    UnsafePathError,
    folder_name,
    image_name,
    image_size,
    inside,
    thumbnail_name,
)


@given(st.text())
def test_a_folder_name_is_one_plain_part_of_a_path(name: str) -> None:
    folder = folder_name(name)
    assert PurePosixPath(folder).parts == (folder,)
    assert folder not in {".", ".."}
    assert folder.isascii()


@given(st.text(), st.text())
def test_different_names_never_share_a_folder(one: str, other: str) -> None:
    assert (folder_name(one) == folder_name(other)) == (one == other)


@given(st.text(st.sampled_from("./\\ab:\0C"), max_size=12))
def test_a_path_stays_inside_or_is_refused(path: str) -> None:
    root = Path("/root/of/workspace")
    try:
        target = root / inside(path)
    except UnsafePathError:
        return
    assert ".." not in target.parts
    assert target.is_relative_to(root)
    assert target != root


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "a/../b", "..", "a//b", "C:/x", "a\\b", "a\0"]
)
def test_paths_that_leave_the_bundle_are_refused(path: str) -> None:
    with pytest.raises(UnsafePathError, match="no path inside a bundle"):
        inside(path)


@pytest.mark.parametrize(
    ("settings", "name"),
    [({}, "0007.png"), ({"format": "OPEN_EXR"}, "0007.exr"), ({"format": "jpeg"}, "0007.jpg")],
)
def test_images_are_called_by_frame_and_format(settings: dict[str, Json], name: str) -> None:
    assert image_name(Work(engine="blender", settings=settings), 7) == name
    assert thumbnail_name(7) == "thumbs/0007.jpg"


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({}, (None, None)),
        ({"width": 640, "height": 480}, (640, 480)),
        ({"width": 1920, "height": 1080, "percentage": 33}, (633, 356)),
        ({"width": "640", "height": True}, (None, None)),
    ],
)
def test_the_size_follows_the_settings(
    settings: dict[str, Json], size: tuple[int | None, int | None]
) -> None:
    assert image_size(settings) == size
