"""Manifests and names that no node could lay out, or that would lead out of a job's folder."""

import json

import pytest
from services.api.tests.conftest import Farm

from lightmill.api.core.manifest import require_paths
from lightmill.api.core.problem import ProblemError
from lightmill.storage.sql.schema.api import BUNDLES, DESIGNS, JOBS

NAMES = {
    "../evil": "must not have . or ..",
    "a/../../evil": "must not have . or ..",
    "./a": "must not have . or ..",
    "a//b": "must not have . or ..",
    "a/": "must not have . or ..",
    "": "1 to 1024 characters",
    "a/" * 512 + "b": "1 to 1024 characters",
    "d/" * 65 + "b": "more than 64 folders",
    "n" * 256: "at most 255 bytes",
    "木" * 90: "at most 255 bytes",
    "/etc/passwd": "must be relative",
    "C:/evil": "must be relative",
    "c:evil": "must be relative",
    "a\\b": "written with /",
    "\\\\server\\share": "written with /",
    "a\0b": "control characters",
    "a\nb": "control characters",
    "a\u202eb": "control characters",
    "a\ud800b": "control characters",
    "a\u200b": "control characters",
    "a.": "Windows nodes take no part",
    "a ": "Windows nodes take no part",
    "ab:c": "Windows nodes take no part",
    "a*": "Windows nodes take no part",
    "<a>": "Windows nodes take no part",
    "con": "device's name",
    "tex/COM1.png": "device's name",
    "nul .txt": "device's name",
    "LPT\u00b9": "device's name",
}
PAIRS: dict[tuple[str, ...], str] = {
    ("a", "A"): "is there twice",
    ("tex/wood.png", "TEX/Wood.PNG"): "is there twice",
    ("stra\u00dfe", "STRASSE"): "is there twice",
    ("\u00e9", "e\u0301"): "is there twice",
    ("a", "a/b"): "a file and a folder at once",
    ("a/b", "A"): "a file and a folder at once",
    ("a/b/c", "a/B"): "a file and a folder at once",
}
MANIFESTS: dict[tuple[str, ...], str] = {
    **{(name,): reason for name, reason in NAMES.items()},
    **PAIRS,
}


@pytest.mark.parametrize("paths", MANIFESTS, ids=ascii)
def test_a_manifest_is_refused_with_its_own_reason(paths: tuple[str, ...]) -> None:
    with pytest.raises(ProblemError) as refused:
        require_paths(paths)
    assert MANIFESTS[paths] in refused.value.problem.detail


@pytest.mark.parametrize("paths", [("../evil",), ("a\ud800b",), ("a", "a/b")], ids=ascii)
async def test_every_call_that_takes_a_manifest_refuses_it(
    farm: Farm, paths: tuple[str, ...]
) -> None:
    asset = await farm.upload(b"content")
    files = [{"path": path, "asset_id": asset} for path in paths]
    design = {"name": "a", "model": paths[0], "files": files}
    job = {"name": "a", "engine": "blender", "scene": paths[0], "files": files, "frames": "1"}
    async with farm.client() as client:
        for path, body in (
            ("/api/v1/bundles", {"files": files}),
            ("/api/v1/designs", design),
            ("/api/v1/jobs", job),
        ):
            content = json.dumps(body).encode()
            refused = await client.post(path, content=content, headers=_JSON)
            assert refused.status_code == 422, (path, refused.text)
    for table in (BUNDLES, DESIGNS, JOBS):
        assert await farm.count(table) == 0


_JSON = {"content-type": "application/json"}
