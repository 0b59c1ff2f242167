"""Unreal by documentation: commands, Windows paths, the executor in a stand-in editor."""

from collections.abc import Mapping
from pathlib import Path, PureWindowsPath

import pytest
from engine_kit import Bench, Subject

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json, Work
from lightmill.render_node.engines.contract import Failed, Progress, Ready
from lightmill.render_node.engines.unreal import Unreal
from lightmill.render_node.ports import Launch, RenderFailedError

ASSETS: dict[str, Json] = {
    "map": "/Game/Maps/M",
    "sequence": "/Game/Shots/A.A",
    "config": "/Game/Presets/P.P",
}
LOG = "[2026.11.22-10.00.00:000][  0]LogPython: "


def launch(
    bench: Bench, scene: str = "Shot.uproject", settings: Mapping[str, Json] | None = None
) -> Launch:
    work = Work(engine="unreal", scene=scene, settings={**ASSETS, **(settings or {})})
    return bench.launch(work)


def argv(bench: Bench, settings: Mapping[str, Json] | None = None) -> tuple[str, ...]:
    engine = Unreal(Path("/opt/UE_5.4"), windows=False)
    output = bench.scratch / "a/0007.png"
    return engine.frame_command(launch(bench, settings=settings), 7, output).argv


def test_the_command_is_that_of_the_documentation(bench: Bench) -> None:
    found = argv(bench, {"width": 640, "height": 360})
    at = found.index("/opt/UE_5.4/Engine/Binaries/Linux/UnrealEditor-Cmd")
    assert found[at + 1 : at + 4] == (
        f"{bench.scratch}/project/Shot.uproject",
        "/Game/Maps/M",
        "-game",
    )
    host = "/Script/MovieRenderPipelineCore.MoviePipelinePythonHostExecutor"
    assert {
        f"-MoviePipelineLocalExecutorClass={host}",
        "-ExecutorPythonClass=/Engine/PythonTypes.LightmillExecutor",
        "-LevelSequence=/Game/Shots/A.A",
        "-MoviePipelineConfig=/Game/Presets/P.P",
        "-LightmillFrame=7",
        f"-LightmillOutput={bench.scratch}/a/unreal-7",
        "-LightmillWidth=640",
        "-RenderOffscreen",
        "-Unattended",
        "-StdOut",
    } <= set(found[at + 4 :])


def test_windows_has_its_own_editor() -> None:
    home = PureWindowsPath("C:\\Program Files\\Epic Games\\UE_5.4")
    windows = Unreal(home, windows=True)  # type: ignore[arg-type]  # as on Windows
    scratch = PureWindowsPath("D:\\farm\\scratch")
    asked = Launch(
        step_id="s",
        work=Work(engine="unreal", scene="Shot.uproject", settings=ASSETS),
        project=PureWindowsPath("D:\\farm\\my project"),  # type: ignore[arg-type]  # as on Windows
        scratch=scratch,  # type: ignore[arg-type]  # as on Windows
        cores=8,
        ram=1,
        gpus=(),
        log=Path(),
    )
    command = windows.frame_command(asked, 1, scratch / "a" / "0001.png")  # type: ignore[arg-type]  # as on Windows
    editor = "C:\\Program Files\\Epic Games\\UE_5.4\\Engine\\Binaries\\Win64\\UnrealEditor-Cmd.exe"
    assert editor in command.argv
    assert "D:\\farm\\scratch\\project\\Shot.uproject" in command.argv
    assert "-LightmillOutput=D:/farm/scratch/a/unreal-1" in command.argv


@pytest.mark.parametrize(
    "settings", [{"map": "M -run=x"}, {"sequence": None}, {"config": "P"}, {"map": 1}]
)
def test_settings_that_are_no_assets_are_refused(bench: Bench, settings: dict[str, Json]) -> None:
    with pytest.raises(RenderFailedError, match="path of an asset"):
        argv(bench, settings)


def test_a_scene_that_is_no_project_is_refused(bench: Bench) -> None:
    engine = Unreal(Path("/opt/UE_5.4"), windows=False)
    with pytest.raises(RenderFailedError, match="uproject"):
        engine.frame_command(launch(bench, "shot.umap"), 1, bench.scratch / "1.png")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (LOG + '@lightmill {"event": "ready"}', Ready()),
        (LOG + '@lightmill {"event": "progress", "share": 0.25}', Progress(0.25)),
        (
            LOG + '@lightmill {"event": "failed", "kind": "missing_file", "detail": "no P"}',
            Failed(FailureKind.MISSING_FILE, "no P"),
        ),
        ("LogMovieRenderPipeline: Successfully detected and loaded required movie", None),
    ],
)
def test_lines_of_output_are_read(line: str, expected: object) -> None:
    assert Unreal(Path("/u")).read(line) == expected


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        ("LogD3D12RHI: Error: Out of video memory trying to allocate", FailureKind.OUT_OF_MEMORY),
        ("Fatal error: Ran out of memory allocating 65536 bytes", FailureKind.OUT_OF_MEMORY),
        ("LogInit: Error: Failed to open descriptor file Shot.uproject", FailureKind.MISSING_FILE),
        ("LogWindows: Error: === Critical error: ===", FailureKind.ENGINE),
    ],
)
def test_failures_are_classified_by_what_was_said_last(tail: str, kind: FailureKind) -> None:
    assert Unreal(Path("/u")).classify_failure(1, tail) is kind


def test_the_version_is_that_of_the_installation(unreal_home: Path) -> None:
    assert Unreal(unreal_home, windows=False).discover() == ("5.4.1",)
    assert Unreal(unreal_home / "Engine", windows=False).discover() == ()
    (unreal_home / "Engine/Build/Build.version").write_text("not JSON")
    assert Unreal(unreal_home, windows=False).discover() == ()


@pytest.mark.parametrize(
    ("settings", "kind", "told"),
    [
        ({"sequence": "/Game/Shots/B.B"}, FailureKind.MISSING_FILE, "no asset /Game/Shots/B.B"),
        ({"config": "/Game/Q.Q"}, FailureKind.MISSING_FILE, "no asset /Game/Q.Q"),
        ({"map": "/Other/M"}, FailureKind.MISSING_FILE, "does not exist"),
        ({"format": "EXR"}, FailureKind.ENGINE, "did not succeed"),
    ],
)
async def test_failures_of_the_stand_in(
    bench: Bench, unreal: Subject, settings: dict[str, Json], kind: FailureKind, told: str
) -> None:
    asked = Work(
        engine="unreal", scene="Shot.uproject", settings={**unreal.quick.settings, **settings}
    )
    renderer = await bench.open(unreal.engine, bench.launch(asked, unreal.project))
    name = "0001.exr" if "format" in settings else "0001.png"
    with pytest.raises(RenderFailedError) as failed:
        await bench.render(renderer, 1, name)
    assert failed.value.kind is kind
    assert told in failed.value.detail


async def test_the_editor_writes_beside_a_mirror_of_the_project(
    bench: Bench, unreal: Subject
) -> None:
    launched = bench.launch(unreal.quick, unreal.project)
    renderer = await bench.open(unreal.engine, launched)
    await bench.render(renderer, 1)
    mirror = bench.scratch / "project"
    assert (mirror / "Saved").is_dir()
    assert (mirror / "Shot.uproject").readlink() == unreal.project / "Shot.uproject"
    assert not (unreal.project / "Saved").exists()
