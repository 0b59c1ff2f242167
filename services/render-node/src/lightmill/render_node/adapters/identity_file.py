"""Where the node keeps who it is."""

import json
import os
from pathlib import Path

from lightmill.render_node.ports import NodeIdentity


class IdentityFileError(Exception):
    """The file with the node's identity cannot be used."""


class IdentityFile:
    """A file that only the node's user can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> NodeIdentity | None:
        """Return who the node is, or None when it never enrolled.

        Raises:
            IdentityFileError: the file cannot be read as one.
        """
        try:
            found = json.loads(self._path.read_text("utf-8"))
            return NodeIdentity(node_id=str(found["node_id"]), token=str(found["token"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise IdentityFileError(
                f"{self._path} is damaged; delete it and start with an enrolment token"
            ) from error

    def write(self, identity: NodeIdentity) -> None:
        """Keep `identity`; the file is whole or not there."""
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"node_id": identity.node_id, "token": identity.token}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
