"""What was read out of a scene file."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A file that a scene refers to.

    Attributes:
        path: As written in the scene, but always with `/`.
        referrer: The scene file or library that holds the reference, as a path in the bundle.
        name: The data-block or node that uses it, for a person.
        sequence: Whether `path` stands for many files: it is then the first of them, their
            folder, or a pattern.
        places: Where below the bundle's top a node looks for it, in order; none for a place
            outside of the bundle. None says Blender's rule: `//` is the folder of `referrer`.
    """

    path: str
    referrer: str
    name: str
    sequence: bool = False
    places: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneReading:
    """The settings of a scene, and every file that it refers to, in the scene's own order."""

    scene_info: Mapping[str, object]
    uses: tuple[Use, ...]
