"""What an engine may do to its folders, and what the node makes of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from lightmill.domain.failures import FailureKind
from lightmill.render_node.adapters.workspaces import FolderWorkspaces
from lightmill.render_node.core.naming import UnsafePathError
from lightmill.render_node.ports import JobFolder, RenderFailedError

JOB = JobFolder("owner", "job")


@pytest.fixture
def workspaces(tmp_path: Path) -> FolderWorkspaces:
    return FolderWorkspaces(tmp_path / "workspace")


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(b"wood")
    return path


@pytest.fixture
def scratch(workspaces: FolderWorkspaces) -> Path:
    folder = workspaces.scratch(JOB, "slot")
    (folder / "a").mkdir()
    return folder


def test_a_project_is_links_to_the_content(workspaces: FolderWorkspaces, content: Path) -> None:
    assert workspaces.project(JOB, "b") is None
    project = workspaces.assemble(JOB, "b", {"textures/wood.png": content})
    assert (project / "textures/wood.png").samefile(content)
    assert workspaces.project(JOB, "b") == project
    assert workspaces.project(JOB, "other bundle") is None


def test_another_bundle_replaces_the_project(workspaces: FolderWorkspaces, content: Path) -> None:
    workspaces.assemble(JOB, "b", {"old": content})
    project = workspaces.assemble(JOB, "c", {"new": content})
    assert [path.name for path in project.iterdir()] == ["new"]


def test_a_path_that_climbs_is_refused(workspaces: FolderWorkspaces, content: Path) -> None:
    with pytest.raises(UnsafePathError):
        workspaces.assemble(JOB, "b", {"../evil": content})


def test_a_link_in_the_place_of_a_job_is_refused(
    workspaces: FolderWorkspaces, tmp_path: Path
) -> None:
    (tmp_path / "workspace/owner").mkdir()
    (tmp_path / "workspace/owner/job").symlink_to(tmp_path)
    with pytest.raises(NotADirectoryError):
        workspaces.scratch(JOB, "slot")


def test_an_image_is_moved_out_of_reach(workspaces: FolderWorkspaces, scratch: Path) -> None:
    image = scratch / "a" / "0001.png"
    image.write_bytes(b"pixels")
    found = workspaces.collect(scratch, image, "a")
    assert found.read_bytes() == b"pixels"
    assert not found.is_relative_to(scratch)
    assert not image.exists()


def _link_to_secret(image: Path, secret: Path) -> None:
    image.symlink_to(secret)


def _second_name_of_secret(image: Path, secret: Path) -> None:
    image.hardlink_to(secret)


def _folder_elsewhere(image: Path, secret: Path) -> None:
    image.parent.rmdir()
    image.parent.symlink_to(secret.parent)


def _nothing(_: Path, __: Path) -> None:
    pass


def _folder(image: Path, _: Path) -> None:
    image.mkdir()


@pytest.mark.parametrize(
    "trick", [_link_to_secret, _second_name_of_secret, _folder_elsewhere, _nothing, _folder]
)
def test_no_trick_makes_the_node_read_a_secret(
    trick: Callable[[Path, Path], None],
    workspaces: FolderWorkspaces,
    scratch: Path,
    tmp_path: Path,
) -> None:
    secret = tmp_path / "secrets" / "0001.png"
    secret.parent.mkdir()
    secret.write_bytes(b"token")
    image = scratch / "a" / "0001.png"
    trick(image, secret)
    with pytest.raises(RenderFailedError) as refused:
        workspaces.collect(scratch, image, "a")
    assert refused.value.kind is FailureKind.OUTPUT
    assert secret.read_bytes() == b"token"


def test_an_image_outside_the_scratch_folder_is_refused(
    workspaces: FolderWorkspaces, scratch: Path, tmp_path: Path
) -> None:
    with pytest.raises(RenderFailedError):
        workspaces.collect(scratch, tmp_path / "elsewhere.png", "a")
    with pytest.raises(RenderFailedError):
        workspaces.collect(scratch, scratch / ".." / "up.png", "a")


def test_forgetting_a_job_leaves_the_content(workspaces: FolderWorkspaces, content: Path) -> None:
    project = workspaces.assemble(JOB, "b", {"wood.png": content})
    workspaces.forget(JOB)
    assert not project.exists()
    assert content.read_bytes() == b"wood"


def test_forgetting_tells_what_the_disk_got_back(
    workspaces: FolderWorkspaces, content: Path, scratch: Path
) -> None:
    project = workspaces.assemble(JOB, None, {"wood.png": content, "copy.png": content})
    (scratch / "a" / "0001.png").write_bytes(b"image")
    (scratch / "link").symlink_to(project)
    workspaces.log(JOB, "slot").write_bytes(b"log")
    assert workspaces.forget(JOB) == len(b"image") + len(b"log")
    assert workspaces.forget(JOB) == 0
    workspaces.assemble(JOB, None, {"wood.png": content, "copy.png": content})
    content.unlink()  # as when the content store was full
    assert workspaces.forget(JOB) == len(b"wood")


def test_an_attempt_that_left_nothing_is_forgotten_at_once(
    workspaces: FolderWorkspaces, scratch: Path
) -> None:
    assert workspaces.forget_empty(scratch, "a")
    assert not (scratch / "a").exists()
    assert workspaces.forget_empty(scratch, "never-begun")


def test_an_attempt_that_left_something_is_not_forgotten_by_the_way(
    workspaces: FolderWorkspaces, scratch: Path
) -> None:
    image = scratch / "a" / "0001.png"
    image.write_bytes(b"image")
    assert not workspaces.forget_empty(scratch, "a")
    collected = workspaces.collect(scratch, image, "a")
    assert not workspaces.forget_empty(scratch, "a")
    assert collected.exists()


def test_a_link_is_deleted_and_not_followed(
    workspaces: FolderWorkspaces, scratch: Path, tmp_path: Path
) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (scratch / "a" / "link").symlink_to(tmp_path / "precious")
    workspaces.forget_attempt(scratch, "a")
    workspaces.forget_scratch(scratch)
    workspaces.forget_all()
    assert (tmp_path / "precious" / "file").exists()


def test_what_others_delete_at_the_same_moment_stops_nobody(
    workspaces: FolderWorkspaces, scratch: Path
) -> None:
    """A renderer that failed ends while the attempt does: one folder lies in the other."""
    both = Barrier(2)

    def at_once(forget: Callable[[], None]) -> None:
        both.wait()
        forget()

    forgets = (
        lambda: workspaces.forget_attempt(scratch, "a"),
        lambda: workspaces.forget_scratch(scratch),
    )
    with ThreadPoolExecutor(2) as pool:
        for _ in range(50):
            for number in range(20):
                (scratch / "a" / f"{number}" / "deep").mkdir(parents=True)
            list(pool.map(at_once, forgets))
            assert not scratch.exists()
