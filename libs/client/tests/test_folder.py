import os
from pathlib import Path

import pytest

from lightmill.client.folder import FolderError, read_folder


def test_files_are_named_relative_to_the_folder_and_sorted(tmp_path: Path) -> None:
    (tmp_path / "textures").mkdir()
    (tmp_path / "textures" / "wood.png").write_bytes(b"wood")
    (tmp_path / "shot.blend").write_bytes(b"blend")
    assert [file.path for file in read_folder(tmp_path)] == ["shot.blend", "textures/wood.png"]


def test_hidden_files_and_backups_stay_at_home(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_bytes(b"x")
    for name in ("shot.blend", "shot.blend1", ".DS_Store"):
        (tmp_path / name).write_bytes(b"x")
    assert [file.path for file in read_folder(tmp_path)] == ["shot.blend"]


def test_a_single_file_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "a.blend").write_bytes(b"a")
    assert [file.path for file in read_folder(tmp_path / "a.blend")] == ["a.blend"]


def test_what_cannot_be_handed_in_is_named(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="neither a file nor a folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(FolderError, match="no files"):
        read_folder(tmp_path)
    (tmp_path / "gone.png").symlink_to(tmp_path / "target.png")
    with pytest.raises(FolderError, match=r"gone\.png cannot be read"):
        read_folder(tmp_path)


def test_a_name_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.png")).write_bytes(b"x")
    with pytest.raises(FolderError, match="rename"):
        read_folder(tmp_path)


def test_a_folder_that_cannot_be_entered_is_named(tmp_path: Path) -> None:
    # As long as a name may be, and so deep that the whole path is longer than any may be.
    deep = tmp_path
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here, deep = inner, deep / ("d" * 250)
    os.close(here)
    with pytest.raises(FolderError, match=r"d{250} cannot be read"):
        read_folder(tmp_path)
