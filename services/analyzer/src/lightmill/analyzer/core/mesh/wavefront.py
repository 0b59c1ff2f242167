"""Wavefront models: `.obj`, and the `.mtl` that say how they look."""

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.mesh.summary import Box, summary
from lightmill.analyzer.core.reading import Use
from lightmill.domain.absolute_paths import is_absolute, slashed

_CORNERS = 3
_BATCH = 10_000
_MAPS = ("map_", "bump", "disp", "decal", "refl", "norm")
_ONE = {"-blendu", "-blendv", "-boost", "-texres", "-clamp", "-bm", "-imfchan", "-type", "-cc"}
_THREE = {"-o", "-s", "-t"}


@dataclass(slots=True)
class Model:
    """What an `.obj` says: its materials by name, and the files that describe them."""

    materials: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)
    box: Box = field(default_factory=Box)
    vertices: int = 0
    triangles: int = 0

    def document(self) -> dict[str, object]:
        """Return what is told of it.

        Raises:
            BrokenSceneError: there is nothing to be seen of it.
        """
        return summary("obj", self.box, self.triangles, self.materials)


def read_model(lines: Iterable[bytes]) -> Model:
    """Return what the lines of an `.obj` say.

    Raises:
        BrokenSceneError: it is none, or damaged.
    """
    model, points = Model(), []
    for number, line in enumerate(_joined(lines), 1):
        word, _, rest = line.strip().partition(b" ")
        try:
            if word == b"v":
                points.append(tuple(map(float, rest.split()[:3])))
                model.vertices += 1
            elif word == b"f":
                model.triangles += _face(rest, model.vertices)
            elif word == b"usemtl":
                model.materials.append(_text(rest))
            elif word == b"mtllib":
                model.libraries.append(_text(rest))
        except ValueError as error:
            raise BrokenSceneError(f"is damaged in line {number}: {error}") from error
        if len(points) == _BATCH:
            _take(model, points)
    _take(model, points)
    return model


def _take(model: Model, points: list[tuple[float, ...]]) -> None:
    if any(len(point) != _CORNERS for point in points):
        raise BrokenSceneError("is damaged: a vertex has fewer than three numbers")
    if points:
        model.box.take(points)
    points.clear()


def _face(rest: bytes, vertices: int) -> int:
    corners = [int(corner.partition(b"/")[0]) for corner in rest.split()]
    if len(corners) < _CORNERS:
        raise ValueError("a face has fewer than three corners")
    if any(not (1 <= corner <= vertices or -vertices <= corner <= -1) for corner in corners):
        raise ValueError("a face names a vertex that is not there")
    return len(corners) - 2


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines; one that ends with a backslash goes on in the next."""
    held = b""
    for line in lines:
        plain = line.rstrip(b"\r\n")
        if plain.endswith(b"\\"):
            held += plain[:-1] + b" "
        else:
            yield held + plain
            held = b""
    if held:
        yield held


def library_uses(model: Model, path: str) -> Iterator[Use]:
    """Yield the material files that a model names."""
    for name in dict.fromkeys(model.libraries):
        yield _use(name, path, "mtllib")


def texture_uses(lines: Iterable[bytes], path: str) -> Iterator[Use]:
    """Yield the pictures that an `.mtl` names."""
    material = ""
    for line in lines:
        words = _text(line).split()
        if words[:1] == ["newmtl"]:
            material = " ".join(words[1:])
        elif words and words[0].lower().startswith(_MAPS):
            name = " ".join(_without_options(words[1:]))
            if name:
                yield _use(name, path, f"{material} {words[0]}".strip())


def _without_options(words: list[str]) -> list[str]:
    place = 0
    while place < len(words) and words[place].startswith("-"):
        option = words[place].lower()
        place += 2 if option in _ONE else 3 if option == "-mm" else 1
        taken = 0
        while (
            option in _THREE and taken < _CORNERS and place < len(words) and _number(words[place])
        ):
            place, taken = place + 1, taken + 1
    return words[place:]


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _use(name: str, referrer: str, user: str) -> Use:
    path = slashed(name)
    place = posixpath.normpath(posixpath.join(posixpath.dirname(referrer), path))
    inside = not is_absolute(path) and ":" not in path and place.split("/")[0] != ".."
    return Use(path=path, referrer=referrer, name=user, places=(place,) if inside else ())


def _text(line: bytes) -> str:
    return line.strip().decode("utf-8", "replace")
