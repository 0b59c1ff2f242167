"""Prints what a model of OBJ, STL, PLY or FBX holds: `mesh_probe.py <folder> <model> …`."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from lightmill.analyzer.adapters.probing import run
from lightmill.analyzer.core.mesh import filmbox, polygons, stereolithography, wavefront
from lightmill.analyzer.core.reading import Use

_WHOLE = {
    ".stl": stereolithography.read_model,
    ".ply": polygons.read_model,
    ".fbx": filmbox.read_model,
}


def read(folder: Path, model: str) -> tuple[Mapping[str, object], Iterable[Use]]:
    """Return what the model is and the files that it names.

    Raises:
        BrokenSceneError: it is not what its name says, or damaged.
    """
    suffix = PurePosixPath(model).suffix.lower()
    if suffix in _WHOLE:
        return _WHOLE[suffix]((folder / model).read_bytes()), ()
    with (folder / model).open("rb") as file:
        found = wavefront.read_model(file)
    uses = list(wavefront.library_uses(found, model))
    for library in [place for use in uses for place in use.places or ()]:
        if (folder / library).is_file():
            with (folder / library).open("rb") as file:
                uses += wavefront.texture_uses(file, library)
    return found.document(), uses


if __name__ == "__main__":
    run(read)
