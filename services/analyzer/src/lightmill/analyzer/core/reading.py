"""What was read out of a scene file."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A file that a scene refers to.

    Attributes:
        path: As written in the scene, but always with `/`; `//` is the folder of `referrer`.
        referrer: The scene file or library that holds the reference, as a path in the bundle.
        name: The data-block that uses it, for a person.
        sequence: Whether `path` stands for many files: it is then the first of them, their
            folder, or a pattern.
    """

    path: str
    referrer: str
    name: str
    sequence: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneReading:
    """The settings of a scene, and every file that it refers to, in the scene's own order."""

    scene_info: Mapping[str, object]
    uses: tuple[Use, ...]
