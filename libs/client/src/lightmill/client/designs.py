"""Designs, and the materials and textures they are made of, as Python sees them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import Field

from lightmill.client.known_hashes import KnownHashes
from lightmill.client.models import Answer
from lightmill.client.transport import Call, Transport
from lightmill.client.uploads import deliver, manifest

_PAGE = 500


class Design(Answer):
    """A design in one of its versions.

    Attributes:
        state: READY, or PENDING while the farm looks into the model, REFUSED, UNCHECKED.
        metadata: Bounds (Y up, the model's units), triangles, materials, cameras; `unknown` lists
            what the farm cannot tell.
        materials: Of the tenant's, by the model's own names.
        thumbnail_url: Reads the picture for a while; None until there is one.
    """

    design_id: str
    name: str
    version: int
    versions: int
    model: str
    engine: str
    state: str
    error: str | None = None
    metadata: Mapping[str, Any] = Field(default_factory=dict)
    materials: Mapping[str, str] = Field(default_factory=dict)
    thumbnail_url: str | None = None
    created_at: datetime


class Designs:
    """What a farm keeps of designs; every call may raise what those of `Farm` do."""

    def __init__(
        self, transport: Transport, known: Callable[[], KnownHashes | None] = lambda: None
    ) -> None:
        self._transport = transport
        self._known = known

    def add(self, root: Path, model: str, *, name: str, **more: object) -> str:
        """Hand in a model with its files; returns the design's id.

        Args:
            root: Folder of the model, or the model itself.
            model: Path of the model inside the folder.
            name: For people.
            more: Further fields: design_id, materials, engine, allow_missing, thumbnail.
        """
        body = {"name": name, "model": model, "files": self._files(root), **more}
        return str(self._ask("POST", "designs", body)["design_id"])

    def add_version(self, design_id: str, root: Path, model: str, **more: object) -> int:
        """Hand in a new version of a design; returns its number."""
        body = {"model": model, "files": self._files(root), **more}
        return int(self._ask("POST", f"designs/{_in_path(design_id)}/versions", body)["version"])

    def find(self, design_id: str, version: int | None = None) -> Design:
        """Return a design as it is in that version, or in the latest."""
        path = f"designs/{_in_path(design_id)}"
        at = path if version is None else f"{path}/versions/{version}"
        return Design.model_validate(self._ask("GET", at))

    def listed(self) -> list[Design]:
        """Return the designs that are one's own or shared, the newest first."""
        return self._listed("designs")

    def versions(self, design_id: str) -> list[Design]:
        """Return the versions of a design, the newest first."""
        return self._listed(f"designs/{_in_path(design_id)}/versions")

    def remove(self, design_id: str) -> None:
        """Forget a design with all its versions."""
        self._ask("DELETE", f"designs/{_in_path(design_id)}")

    def show_again(self, design_id: str, version: int) -> str:
        """Have the farm render a picture of a version; returns the job's id."""
        path = f"designs/{_in_path(design_id)}/versions/{version}/thumbnail"
        return str(self._ask("POST", path)["job_id"])

    def script(self, job_id: str) -> str:
        """Return the script of a job of a design, to be run by hand beside the model."""
        return self._transport.text(f"/api/v1/jobs/{job_id}/script")

    def add_texture(self, picture: Path, *, name: str, **more: object) -> str:
        """Hand in a picture for materials; returns the texture's id.

        Args:
            picture: The file.
            name: For people.
            more: Further fields: texture_id, colour_space.
        """
        (file,) = self._files(picture)
        body = {"name": name, "file": file, **more}
        return str(self._ask("POST", "textures", body)["texture_id"])

    def add_material(self, *, name: str, **more: object) -> str:
        """Keep a material; returns its id.

        Args:
            name: For people.
            more: Further fields: material_id, base_color, roughness, metallic, textures …
        """
        return str(self._ask("POST", "materials", {"name": name, **more})["material_id"])

    def share(self, name: str, user: str, *, kind: str = "designs") -> None:
        """Let a user of the tenant use a design; `*` is everybody.

        Args:
            name: The design's id, or that of a material or a texture.
            user: Its name.
            kind: `designs`, `materials` or `textures`.
        """
        self._ask("PUT", f"{kind}/{_in_path(name)}/shares/{_in_path(user)}")

    def unshare(self, name: str, user: str, *, kind: str = "designs") -> None:
        """Take that back."""
        self._ask("DELETE", f"{kind}/{_in_path(name)}/shares/{_in_path(user)}")

    def shared_with(self, name: str, *, kind: str = "designs") -> list[str]:
        """Return who beside the owner may use it."""
        return list(map(str, self._ask("GET", f"{kind}/{_in_path(name)}/shares")["users"]))

    def _files(self, root: Path) -> list[dict[str, object]]:
        return manifest(deliver(self._transport, root, known=self._known()))

    def _listed(self, path: str) -> list[Design]:
        found: list[Design] = []
        params: dict[str, str | int] = {"limit": _PAGE}
        while True:
            answer = self._ask("GET", path, params=params)
            found += map(Design.model_validate, answer["items"])
            if answer["next"] is None:
                return found
            params["cursor"] = str(answer["next"])

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        params: Mapping[str, str | int] | None = None,
    ) -> dict[str, Any]:
        call = Call(method=method, path=f"/api/v1/{path}", body=body, params=params or {})
        answer = self._transport.send(call)
        return answer if isinstance(answer, dict) else {}


def _in_path(name: str) -> str:
    return quote(name, safe="*")
