"""What is found in a scene; the scenes here are written by hand, after the manual."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.maya import scene as maya
from lightmill.analyzer.core.maya.references import places, project_of
from lightmill.analyzer.core.maya.settings import settings
from lightmill.analyzer.core.maya.uses import uses
from lightmill.analyzer.core.reading import Use

HEADER = "//Maya ASCII 2024 scene\n//Codeset: UTF-8\n"
WOLF = """
file -rdi 1 -ns "den" -rfn "denRN" -op "v=0;" -typ "mayaAscii" "D:/jobs/wolf//scenes/den.ma";
file -rdi 2 -ns "cave" -rfn "caveRN" -typ "mayaAscii" "D:/jobs/wolf//scenes/cave.ma";
file -r -ns "den" -dr 1 -rfn "denRN" -op "v=0;" -typ "mayaAscii" "D:/jobs/wolf//scenes/den.ma";
requires maya "2024";
requires -nodeType "aiOptions" -dataType "aiData" "mtoa" "5.3.4.1";
currentUnit -l centimeter -a degree -t 29.97fps;
fileInfo "version" "2024";
createNode transform -n "shot";
createNode camera -n "shotShape" -p "shot";
    setAttr ".imn" -type "string" "persp";
createNode camera -s -n "topShape" -p "|rig|top";
    setAttr ".rnd" no;
createNode mesh -n "body";
    setAttr -s 3 ".vt[0:2]"  0 0 0 1 1 1 2 2 2;
createNode file -n "fur";
    setAttr ".ftn" -type "string" "D:/jobs/wolf//sourceimages/fur.1001.tx";
    setAttr ".uvt" 3;
createNode file -n "plate";
    setAttr ".ufe" yes;
    setAttr ".fileTextureName" -type "string" "sourceimages\\\\plate.0001.exr";
createNode file -n "empty";
createNode file -n "absolute";
    setAttr ".ftn" -type "string" "C:/elsewhere/wood.jpg";
createNode aiImage -n "eye";
    setAttr ".filename" -type "string" "sourceimages/eye.<udim>.exr";
createNode aiStandIn -n "herd";
    setAttr ".dso" -type "string" "cache/herd.####.ass";
createNode RedshiftCameraMap -n "unknown";
    setAttr ".tex9" -type "string" "sourceimages/mask.png";
    setAttr ".label" -type "string" "no/path at all";
createNode colorManagementGlobals -n "ocio";
    setAttr ".cfp" -type "string" "<MAYA_RESOURCES>/OCIO-configs/config.ocio";
createNode AlembicNode -n "run";
    setAttr ".fn" -type "string" "cache/run.abc";
createNode renderSetupLayer -n "beauty";
createNode renderLayer -n "rs_beauty";
createNode renderLayer -n "old";
    setAttr ".rndr" no;
createNode aiOptions -s -n "defaultArnoldRenderOptions";
    setAttr ".AA_samples" 6;
createNode aiAOVDriver -s -n "defaultArnoldDriver";
    setAttr ".ai_translator" -type "string" "exr";
select -ne :defaultRenderGlobals;
    setAttr ".ren" -type "string" "arnold";
    setAttr ".an" yes;
    setAttr ".fs" 12;
    setAttr ".ef" 240.5;
    setAttr ".ifp" -type "string" "<Scene>/<RenderLayer>";
select -ne :defaultResolution;
    setAttr ".w" 1920;
    setAttr ".h" 1080;
setAttr "fur.cs" -type "string" "Raw";
// End of wolf.ma
"""


def read(text: str) -> maya.MayaScene:
    return maya.read([(HEADER + text).encode()])


def test_settings_in_the_words_of_all_scenes() -> None:
    assert settings(read(WOLF), "wolf") == {
        "renderer": "arnold",
        "start": 12,
        "end": 240.5,
        "step": 1,
        "animation": True,
        "width": 1920,
        "height": 1080,
        "fps": 29.97,
        "samples": 6,
        "cameras": ["shot", "top"],
        "renderable_cameras": ["shot"],
        "layers": [{"name": "beauty", "renderable": True}, {"name": "old", "renderable": False}],
        "format": "exr",
        "output": "<Scene>/<RenderLayer>",
        "plugins": {"maya": "2024", "mtoa": "5.3.4.1"},
        "version": "2024",
        "project": "wolf",
    }


def test_what_a_silent_scene_is_rendered_with() -> None:
    found = settings(read('requires maya "2022";'), "")
    assert (found["start"], found["end"], found["width"], found["height"]) == (1, 10, 960, 540)
    assert (found["renderer"], found["fps"], found["format"]) == ("mayaSoftware", 24, "iff")
    assert found["animation"] is False


@pytest.mark.parametrize("value", ["nan", "inf", "1e300", "x", "-"])
def test_numbers_that_are_none_count_as_unsaid(value: str) -> None:
    text = f'select -ne :defaultRenderGlobals; setAttr ".ef" {value};'
    assert settings(read(text), "")["end"] == 10


def test_every_file_that_a_render_reads() -> None:
    found = {use.path: use for use in uses(read(WOLF), "scenes/wolf.ma", "")}
    assert list(found) == [
        "D:/jobs/wolf//scenes/den.ma",
        "D:/jobs/wolf//sourceimages/fur.1001.tx",
        "sourceimages/plate.0001.exr",
        "C:/elsewhere/wood.jpg",
        "sourceimages/eye.<udim>.exr",
        "cache/herd.####.ass",
        "sourceimages/mask.png",
        "cache/run.abc",
    ]
    many = {path for path, use in found.items() if use.sequence}
    assert many == {
        "D:/jobs/wolf//sourceimages/fur.1001.tx",
        "sourceimages/plate.0001.exr",
        "sourceimages/eye.<udim>.exr",
        "cache/herd.####.ass",
    }
    assert found["cache/run.abc"] == Use(
        path="cache/run.abc",
        referrer="scenes/wolf.ma",
        name="AlembicNode run",
        places=("cache/run.abc",),
    )


def test_a_scene_brought_in_twice_is_told_apart_by_a_number() -> None:
    text = 'file -r -rfn "aRN" "den.ma"; file -r -rfn "bRN" "den.ma{1}";'
    assert [use.path for use in uses(read(text), "a.ma", "")] == ["den.ma", "den.ma"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("sourceimages/a.png", ("p/sourceimages/a.png",)),
        ("D:/jobs/wolf//sourceimages/a.png", ("p/sourceimages/a.png",)),
        ("/home/me/wolf//sourceimages/a.png", ("p/sourceimages/a.png",)),
        ("//server/share/wolf//a.png", ("p/a.png",)),
        ("//server/share/a.png", ()),
        ("C:/a.png", ()),
        ("/a.png", ()),
        ("../a.png", ("a.png",)),
        ("../../a.png", ()),
        ("x//../../../a.png", ()),
        ("$ASSETS/a.png", ("p/$ASSETS/a.png",)),
    ],
)
def test_where_maya_looks_in_a_project(path: str, found: tuple[str, ...]) -> None:
    assert places(path, "p") == found


def test_scenes_are_looked_for_in_their_folder_too() -> None:
    assert places("den.ma", "", scenes=True) == ("den.ma", "scenes/den.ma")


@pytest.mark.parametrize(
    ("scene", "workspaces", "project"),
    [
        ("wolf.ma", frozenset(), ""),
        ("scenes/wolf.ma", frozenset(), ""),
        ("job/scenes/shots/wolf.ma", frozenset(), "job"),
        ("job/scenes/wolf.ma", frozenset({""}), ""),
        ("job/scenes/wolf.ma", frozenset({"", "job"}), "job"),
        ("job/scenes/wolf.ma", frozenset({"other"}), "job"),
        ("job/maya/wolf.ma", frozenset({"other"}), ""),
    ],
)
def test_the_project_is_where_the_workspace_is(
    scene: str, workspaces: frozenset[str], project: str
) -> None:
    assert project_of(scene, workspaces) == project


def test_too_many_nodes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maya, "MOST_NODES", 3)
    with pytest.raises(BrokenSceneError, match="more than 3 nodes"):
        read("createNode file;" * 4)


WORDS = st.sampled_from(
    (
        *("createNode", "setAttr", "file", "select", "requires", "currentUnit", "fileInfo"),
        *("-n", "-p", "-rdi", "-t", "-type", "camera", ":defaultRenderGlobals", "nan", "-1e400"),
        *('"string"', '".ftn"', '".fs"', '"a.b"', '"file1"', '"//"', '"C:/a//b"'),
        *("(", ")", "+", ";", ";", '"', "\\", "\n"),
    )
)


@given(st.lists(WORDS, max_size=80))
def test_any_sequence_of_words_is_read_or_refused(words: list[str]) -> None:
    try:
        found = read(" ".join(words))
    except BrokenSceneError:
        return
    settings(found, "")
    assert all(
        ".." not in p.split("/") for use in uses(found, "a.ma", "") for p in use.places or ()
    )
