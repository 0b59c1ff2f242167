"""The folders in which attempts are rendered, as `workspace/{owner}/{job}/…`."""

import errno
import os
import shutil
import stat
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from lightmill.domain.failures import FailureKind
from lightmill.render_node.core.naming import folder_name, inside
from lightmill.render_node.ports import JobFolder, RenderFailedError
from lightmill.runtime.ids import new_id

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class FolderWorkspaces:
    """Workspaces below one folder, on the same file system as the content store.

    A job has `source` and `project` (the bundle; an engine only reads it), `inputs` (what earlier
    steps have rendered, likewise), `renders` (one scratch folder for each renderer), and `logs`
    and `outgoing`, which no engine sees.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def project(self, job: JobFolder, bundle_id: str | None) -> Path | None:
        """Return the folder with the bundle's files when it is complete, else None."""
        home = self._home(job)
        mark = home / "source" / "bundle"
        complete = mark.is_file() and mark.read_text("utf-8") == (bundle_id or "")
        return home / "project" if complete else None

    def assemble(self, job: JobFolder, bundle_id: str | None, files: Mapping[str, Path]) -> Path:
        """Return a folder that holds `files`, by relative path, as hard links.

        It is built beside the final place, in folders made here, so no link that something else
        left is ever followed.

        Raises:
            UnsafePathError: a path would leave the folder.
        """
        home = self._home(job)
        fresh = home / f"project.{new_id()}"
        fresh.mkdir()
        for path, content in files.items():
            target = fresh / inside(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(content, target)
        project = home / "project"
        _delete(project)
        fresh.rename(project)
        (home / "source").mkdir(exist_ok=True)
        (home / "source" / "bundle").write_text(bundle_id or "", "utf-8")
        return project

    def gather(self, job: JobFolder, name: str, files: Mapping[str, Path]) -> Path:
        """Return a folder of that name to which `files` have been added, as hard links.

        Those that are there already stay: whoever works in the folder is not disturbed.

        Raises:
            UnsafePathError: a path would leave the folder.
        """
        folder = self._below(job, "inputs") / folder_name(name)
        folder.mkdir(exist_ok=True)
        for path, content in files.items():
            target = folder / inside(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                _link(content, target)
        return folder

    def scratch(self, job: JobFolder, name: str) -> Path:
        """Return a new writable folder for one renderer."""
        folder = self._below(job, "renders") / folder_name(name)
        folder.mkdir()
        return folder

    def log(self, job: JobFolder, name: str) -> Path:
        """Return where the output of that renderer's engine is kept; no engine can write it."""
        return self._below(job, "logs") / f"{folder_name(name)}.log"

    def collect(self, scratch: Path, image: Path, attempt_id: str) -> Path:
        """Move an image out of the engine's reach and return where it is now.

        An engine may have put a link to a secret in the image's place: every folder on the way is
        opened without following links, and what arrives has to be a plain file.

        Raises:
            RenderFailedError: of kind OUTPUT: there is no such plain file below `scratch`.
        """
        outgoing = _outgoing(scratch, attempt_id)
        outgoing.mkdir(parents=True, exist_ok=True)
        target = outgoing / image.name
        try:
            _move(scratch, image.relative_to(scratch), target)
        except (OSError, ValueError) as error:
            detail = f"the engine left no image {image.name}: {error}"
            raise RenderFailedError(FailureKind.OUTPUT, detail) from error
        kind = target.lstat()
        if not stat.S_ISREG(kind.st_mode) or kind.st_nlink != 1:
            _delete(target)
            raise RenderFailedError(FailureKind.OUTPUT, f"{image.name} is no plain file")
        return target

    def forget_empty(self, scratch: Path, attempt_id: str) -> bool:
        """Tell whether an attempt has left nothing; then its folder is gone."""
        if os.path.lexists(_outgoing(scratch, attempt_id)):
            return False
        try:
            (scratch / attempt_id).rmdir()
        except FileNotFoundError:
            return True
        except OSError:  # there is something in it, or it is no folder
            return False
        return True

    def forget_attempt(self, scratch: Path, attempt_id: str) -> None:
        """Delete what an attempt left in a scratch folder and what was collected from it."""
        _delete(scratch / attempt_id)
        _delete(_outgoing(scratch, attempt_id))

    def forget_scratch(self, scratch: Path) -> None:
        """Delete a renderer's scratch folder."""
        _delete(scratch)

    def forget(self, job: JobFolder) -> int:
        """Delete everything of the job and return the bytes that the disk got back.

        What the content store holds as well is not freed by it.
        """
        home = self._root / folder_name(job.owner) / folder_name(job.job_id)
        size = _size(home)
        _delete(home)
        return size

    def forget_all(self) -> None:
        """Delete every workspace."""
        for folder in self._root.iterdir():
            _delete(folder)

    def free(self) -> int:
        """Return the bytes free on the disk."""
        return shutil.disk_usage(self._root).free

    def _below(self, job: JobFolder, name: str) -> Path:
        folder = self._home(job) / name
        _plain_folder(folder)
        return folder

    def _home(self, job: JobFolder) -> Path:
        owner = self._root / folder_name(job.owner)
        home = owner / folder_name(job.job_id)
        _plain_folder(owner)
        _plain_folder(home)
        return home


def _outgoing(scratch: Path, attempt_id: str) -> Path:
    """Return the folder for an attempt's images; it is beside `renders`, out of any sandbox."""
    return scratch.parent.parent / "outgoing" / attempt_id


def _plain_folder(path: Path) -> None:
    path.mkdir(exist_ok=True)
    if path.is_symlink():
        raise NotADirectoryError(f"{path} is a link; a workspace holds plain folders only")


def _link(content: Path, target: Path) -> None:
    """Make `target` the same file as `content`, or a copy where a file has too many links."""
    try:
        target.hardlink_to(content)
    except OSError as error:
        if error.errno not in {errno.EMLINK, errno.EXDEV, errno.EPERM}:
            raise
        shutil.copy2(content, target)


def _move(scratch: Path, image: Path, target: Path) -> None:
    """Rename `scratch/image` to `target` without following a link on the way."""
    folder = os.open(scratch, _FOLDER)
    try:
        for part in image.parts[:-1]:
            deeper = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = deeper
        os.rename(image.name, target, src_dir_fd=folder)
    finally:
        os.close(folder)


def _size(folder: Path) -> int:
    """Return the bytes of the files whose every name lies below `folder`; links weigh nothing."""
    files = [Path(place, name).lstat() for place, _, names in os.walk(folder) for name in names]
    plain = [file for file in files if stat.S_ISREG(file.st_mode)]
    names = Counter(file.st_ino for file in plain)
    sizes = {file.st_ino: file.st_size for file in plain if names[file.st_ino] == file.st_nlink}
    return sum(sizes.values())


def _delete(path: Path) -> None:
    """Delete a folder with what is in it, though others delete it too; a link is not followed."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    elif path.exists():
        shutil.rmtree(path, onerror=_unless_gone)


def _unless_gone(_how: object, _path: str, error: tuple[object, BaseException, object]) -> None:
    """Go on where something is not there any more.

    A renderer's scratch folder goes when the renderer has ended, and an attempt's folder in it
    when the attempt has, which may be at the same moment.
    """
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]
