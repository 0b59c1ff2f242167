import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.presence import Bundle
from lightmill.analyzer.core.unreal import project, settings, uses

DESCRIPTOR = {
    "FileVersion": 3,
    "EngineAssociation": "5.4",
    "Modules": [{"Name": "Wolf", "Type": "Runtime"}],
    "Plugins": [
        {"Name": "MovieRenderPipeline", "Enabled": True},
        {"Name": "Niagara"},
        {"Name": "Bridge", "Enabled": False},
    ],
    "AdditionalPluginDirectories": ["../Shared", "../../Outside", "C:\\Plugins"],
}
INI = """[/Script/EngineSettings.GameMapsSettings]
GameDefaultMap=/Game/Maps/Forest.Forest
EditorStartupMap=/Game/Maps/Den.Den
+ActiveGameNameRedirects=(OldGameName="a",NewGameName="b")
+ActiveGameNameRedirects=(OldGameName="c",NewGameName="d")
"""


def test_what_a_project_says() -> None:
    found = settings(project(b"\xef\xbb\xbf" + json.dumps(DESCRIPTOR).encode()), INI)
    assert found == {
        "renderer": "unreal",
        "version": "5.4",
        "plugins": ["MovieRenderPipeline", "Niagara"],
        "movie_render_queue": True,
        "modules": ["Wolf"],
        "maps": ["Maps/Forest", "Maps/Den"],
    }


def test_maps_and_folders_of_plugins_are_looked_for() -> None:
    bundle = Bundle(["w/Wolf.uproject", "w/Content/Maps/Den.umap", "Shared/P/P.uplugin"])
    found = {use.path: bundle.found(use) for use in uses(DESCRIPTOR, INI, "w/Wolf.uproject")}
    assert found == {
        "/Game/Maps/Forest": None,
        "/Game/Maps/Den": "w/Content/Maps/Den.umap",
        "../Shared": "Shared",
        "../../Outside": None,
        "C:/Plugins": None,
    }


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_project_is_refused(content: bytes) -> None:
    with pytest.raises(BrokenSceneError, match="no Unreal project"):
        project(content)


@given(st.binary(max_size=100), st.text(alphabet="[]=/Game.\n;+ap ", max_size=200))
def test_any_text_is_read_or_refused(content: bytes, ini: str) -> None:
    with pytest.raises(BrokenSceneError):
        project(content)
    settings({"Plugins": 3, "Modules": None}, ini)
    list(uses({"AdditionalPluginDirectories": 5}, ini, "a.uproject"))
