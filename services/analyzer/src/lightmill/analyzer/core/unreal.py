"""What an Unreal project says."""

import configparser
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.reading import Use
from lightmill.domain.absolute_paths import is_absolute, slashed

QUEUE = "MovieRenderPipeline"
_ASSET = re.compile(r"/Game/([^\s\"'.]+)")
_MAPS = ("gamedefaultmap", "editorstartupmap")


def project(content: bytes) -> Mapping[str, Any]:
    """Return the descriptor in a `.uproject`.

    Raises:
        BrokenSceneError: it is none.
    """
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BrokenSceneError("is no Unreal project: it holds no JSON") from error
    if not isinstance(found, dict) or "FileVersion" not in found:
        raise BrokenSceneError("is no Unreal project: it has no FileVersion")
    return found


def settings(found: Mapping[str, Any], engine_ini: str) -> dict[str, object]:
    """Return what a render has to know: the engine, plugins, code to be built, the maps."""
    plugins = [item for item in _list(found, "Plugins") if item.get("Enabled", True)]
    names = [str(item.get("Name", "")) for item in plugins]
    return {
        "renderer": "unreal",
        "version": str(found.get("EngineAssociation", "")),
        "plugins": sorted(names),
        "movie_render_queue": QUEUE in names,
        "modules": [str(item.get("Name", "")) for item in _list(found, "Modules")],
        "maps": list(dict.fromkeys(_maps(engine_ini))),
    }


def uses(found: Mapping[str, Any], engine_ini: str, referrer: str) -> Iterator[Use]:
    """Yield what has to be in the project's folder: its maps, and the plugins of its own.

    Args:
        found: The descriptor.
        engine_ini: Text of `Config/DefaultEngine.ini`, or "".
        referrer: Path of the `.uproject` below the bundle's top.
    """
    for path in dict.fromkeys(_maps(engine_ini)):
        place = _below(referrer, f"Content/{path}.umap")
        yield Use(path=f"/Game/{path}", referrer=referrer, name="map", places=place)
    folders = found.get("AdditionalPluginDirectories")
    for folder in folders if isinstance(folders, list) else []:
        place = _below(referrer, slashed(str(folder)))
        yield Use(
            path=slashed(str(folder)),
            referrer=referrer,
            name="plugins",
            sequence=True,
            places=place,
        )


def _below(referrer: str, path: str) -> tuple[str, ...]:
    """Return the place of a path that is written relative to the project's file."""
    place = posixpath.normpath(posixpath.join(posixpath.dirname(referrer), path))
    inside = not is_absolute(path) and place.split("/")[0] not in {"..", ""}
    return (place,) if inside else ()


def _list(found: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    items = found.get(name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _maps(engine_ini: str) -> Iterator[str]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, delimiters=("=",))
    try:
        parser.read_string(engine_ini)
    except configparser.Error:
        return
    for section in parser.sections():
        for name, value in parser.items(section):
            asset = _ASSET.match(value or "") if name in _MAPS else None
            if asset is not None and ".." not in asset[1].split("/"):
                yield asset[1]
