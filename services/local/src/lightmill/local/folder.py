"""The folder of a local farm: where what lies, its secrets, and who may use it now."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class FolderInUseError(Exception):
    """Another farm runs on the folder."""


@dataclass(frozen=True, slots=True)
class FarmFolder:
    """Everything that a local farm keeps; deleting it forgets the farm."""

    root: Path

    @property
    def database_url(self) -> str:
        """The address of the farm's database."""
        return f"sqlite+aiosqlite:///{self.root / 'farm.db'}"

    @property
    def objects(self) -> Path:
        """Uploads and images."""
        return self.root / "objects"

    @property
    def uploads(self) -> Path:
        """Uploads on their way."""
        return self._made("uploads")

    @property
    def scratch(self) -> Path:
        """Scenes while they are looked into."""
        return self._made("scratch")

    def node(self, name: str) -> Path:
        """Return the folder of one render node."""
        return self.root / "nodes" / name

    @property
    def secrets(self) -> Path:
        """Tokens, and the key of signed URLs; for the owner of the folder alone."""
        return self._made("secrets", mode=0o700)

    def url_secret(self) -> str:
        """Return the key of signed URLs, the same each time that this folder is used."""
        path = self.secrets / "urls.key"
        if not path.exists():
            draft = path.with_suffix(".new")
            draft.unlink(missing_ok=True)
            with os.fdopen(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
            ) as new:
                new.write(secrets.token_urlsafe(32))
            draft.replace(path)
        return path.read_text()

    def _made(self, name: str, mode: int = 0o755) -> Path:
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True, mode=mode)
        return path


@contextmanager
def claimed(root: Path) -> Iterator[FarmFolder]:
    """Make the folder if need be, and keep other farms from it for the block.

    Raises:
        FolderInUseError: another farm runs on it.
    """
    root = root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUseError(
                f"a farm runs on {root}: stop it, or choose another folder with --data"
            ) from None
        yield FarmFolder(root)
