"""An Open Job Description job bundle on this machine: a folder with a template."""

import os
from pathlib import Path

from lightmill.client.errors import FarmError

_ENDINGS = (".yaml", ".yml", ".json")


class BundleError(FarmError):
    """A folder that is no job bundle."""


def job_bundle(folder: Path) -> dict[str, object]:
    """Return what the farm has to be told of a bundle beside its files.

    The template and the values go as they are: the farm reads them.

    Raises:
        BundleError: there is no template.
    """
    root = folder.resolve()
    template = _text(root, "template")
    if template is None:
        raise BundleError(f"{folder} has no template.yaml or template.json")
    kind = "WINDOWS" if os.name == "nt" else "POSIX"
    return {
        "template": template,
        "parameter_values": _text(root, "parameter_values"),
        "path_mapping": [{"format": kind, "source": str(root)}],
    }


def _text(root: Path, stem: str) -> str | None:
    found = (root / f"{stem}{ending}" for ending in _ENDINGS)
    chosen = next((path for path in found if path.is_file()), None)
    return None if chosen is None else chosen.read_text("utf-8")
