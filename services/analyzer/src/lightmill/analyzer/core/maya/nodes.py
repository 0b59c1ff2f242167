"""Which attributes of which nodes hold paths of files that a render reads."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from lightmill.domain.absolute_paths import slashed

# Both names of each attribute: Maya writes the short one, scripts and old versions the long one.
FILES: Mapping[str, frozenset[str]] = {
    "file": frozenset({"ftn", "fileTextureName"}),
    "psdFileTex": frozenset({"ftn", "fileTextureName"}),
    "movie": frozenset({"ftn", "fileTextureName"}),
    "imagePlane": frozenset({"imn", "imageName"}),
    "audio": frozenset({"f", "filename"}),
    "AlembicNode": frozenset({"fn", "abc_File"}),
    "gpuCache": frozenset({"cfn", "cacheFileName"}),
    "mayaUsdProxyShape": frozenset({"fp", "filePath"}),
    "aiImage": frozenset({"filename"}),
    "aiStandIn": frozenset({"dso"}),
    "aiVolume": frozenset({"filename"}),
    "aiPhotometricLight": frozenset({"ai_filename", "aiFilename"}),
    "aiIncludeGraph": frozenset({"filename"}),
    "aiMaterialx": frozenset({"filename"}),
    "RedshiftNormalMap": frozenset({"tex0"}),
    "RedshiftSprite": frozenset({"tex0"}),
    "RedshiftDomeLight": frozenset({"tex0", "tex1"}),
    "RedshiftIESLight": frozenset({"profile"}),
    "RedshiftProxyMesh": frozenset({"fn", "fileName"}),
    "RedshiftVolumeShape": frozenset({"fn", "fileName"}),
    "VRayMesh": frozenset({"fn", "fileName2"}),
    "VRayScannedMtl": frozenset({"file"}),
    "VRayLightIESShape": frozenset({"ief", "iesFile"}),
}
SETTINGS = frozenset(
    {"renderGlobals", "resolution", "camera", "transform", "renderLayer", "renderSetupLayer"}
    | {"aiOptions", "aiAOVDriver", "RedshiftOptions", "cacheFile"}
)
TILED = {"1", "2", "3"}
_RENDERERS = ("ai", "Redshift", "VRay", "Pxr", "rman", "mtoa", "Mash", "xgm")
_READ = frozenset(
    {".abc", ".ass", ".bmp", ".dds", ".dpx", ".exr", ".hdr", ".ies", ".iff", ".jpeg", ".jpg"}
    | {".mtlx", ".osl", ".png", ".psd", ".ptx", ".rs", ".tex", ".tga", ".tif", ".tiff", ".tx"}
    | {".usd", ".usda", ".usdc", ".usdz", ".vdb", ".vrmesh", ".webp"}
)


def is_wanted(kind: str) -> bool:
    """Tell whether attributes of nodes of this kind are worth keeping."""
    return kind in FILES or kind in SETTINGS or kind.startswith(_RENDERERS)


def paths(kind: str, attributes: Mapping[str, str]) -> list[str]:
    """Return the paths that a node reads, as written.

    Nodes of a renderer that are not in the table count as well, where a text has folders in it
    and ends like an image, a cache or a shader.
    """
    known = FILES.get(kind)
    if known is not None:
        return [value for name, value in attributes.items() if name in known and value]
    if kind in SETTINGS or not kind.startswith(_RENDERERS):
        return []
    return [value for value in attributes.values() if _is_read(value)]


def _is_read(value: str) -> bool:
    path = slashed(value)
    return "/" in path and PurePosixPath(path).suffix.lower() in _READ


def is_many(kind: str, attributes: Mapping[str, str]) -> bool:
    """Tell whether the path of a node stands for many files: tiles, or a frame each."""
    tiles = attributes.get("uvt", attributes.get("uvTilingMode"))
    frames = attributes.get("ufe", attributes.get("useFrameExtension"))
    return kind in FILES and (tiles in TILED or frames in {"yes", "on", "true", "1"})
