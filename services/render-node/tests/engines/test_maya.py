"""Maya and Arnold by documentation: commands, Windows paths, recorded output, a stand-in."""

from collections.abc import Mapping
from pathlib import Path, PureWindowsPath

import pytest
from engine_kit import Bench, Subject

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json, Work
from lightmill.render_node.config import NodeSettings
from lightmill.render_node.engines.contract import Failed, Progress, Ready
from lightmill.render_node.engines.maya import Maya
from lightmill.render_node.ports import Launch, RenderFailedError


def engine() -> Maya:
    return Maya(
        Path("/usr/autodesk/maya2025"), {"ADSKFLEX_LICENSE_FILE": "27000@flex"}, windows=False
    )


def launch(bench: Bench, settings: Mapping[str, Json] | None = None) -> Launch:
    return bench.launch(Work(engine="maya", scene="scenes/shot.ma", settings=settings or {}))


def argv(bench: Bench, settings: Mapping[str, Json] | None = None) -> tuple[str, ...]:
    output = bench.scratch / "a/0007.png"
    return engine().frame_command(launch(bench, settings), 7, output).argv


def test_the_command_is_that_of_the_documentation(bench: Bench) -> None:
    found = argv(bench, {"camera": "renderCam", "width": 640, "height": 360, "layer": "beauty"})
    flags = dict(zip(found[1:-1:2], found[2:-1:2], strict=True))
    assert found[0] == "/usr/autodesk/maya2025/bin/Render"
    assert found[-1] == f"{bench.project}/scenes/shot.ma"
    assert flags == {
        "-r": "arnold",
        "-ai:lve": "2",
        "-ai:ltc": "1",
        "-ai:alf": "1",
        "-ai:threads": "1",
        "-s": "7",
        "-e": "7",
        "-b": "1",
        "-proj": str(bench.project),
        "-rd": f"{bench.scratch}/a/maya-7",
        "-im": "frame",
        "-fnc": "3",
        "-pad": "4",
        "-of": "png",
        "-cam": "renderCam",
        "-rl": "beauty",
        "-x": "640",
        "-y": "360",
    }


def test_other_renderers_get_none_of_arnolds_flags(bench: Bench) -> None:
    found = argv(bench, {"renderer": "hw2"})
    assert found[1:3] == ("-r", "hw2")
    assert not any(part.startswith("-ai:") for part in found)


@pytest.mark.parametrize(
    "settings", [{"renderer": "mr"}, {"camera": "-proj"}, {"width": [1]}, {"layer": {}}]
)
def test_settings_that_are_no_arguments_are_refused(
    bench: Bench, settings: dict[str, Json]
) -> None:
    with pytest.raises(RenderFailedError):
        argv(bench, settings)


def test_paths_of_windows_keep_their_drive_and_lose_their_backslashes() -> None:
    home = PureWindowsPath("C:\\Program Files\\Autodesk\\Maya2025")
    windows = Maya(home, windows=True)  # type: ignore[arg-type]  # as on Windows
    scratch = PureWindowsPath("D:\\farm\\scratch")
    asked = Launch(
        step_id="s",
        work=Work(engine="maya", scene="scenes/shot.ma"),
        project=PureWindowsPath("D:\\farm\\my project"),  # type: ignore[arg-type]  # as on Windows
        scratch=scratch,  # type: ignore[arg-type]  # as on Windows
        cores=8,
        ram=1,
        gpus=(),
        log=Path(),
    )
    command = windows.frame_command(asked, 1, scratch / "a" / "0001.exr")  # type: ignore[arg-type]  # as on Windows
    assert command.argv[0] == "C:/Program Files/Autodesk/Maya2025/bin/Render.exe"
    assert command.argv[-1] == "D:/farm/my project/scenes/shot.ma"
    assert "D:/farm/scratch/a/maya-1" in command.argv
    assert not any("\\" in part for part in command.argv)
    assert command.environment["MAYA_APP_DIR"] == "D:/farm/scratch/maya"


def test_licence_servers_are_named_and_reached(bench: Bench) -> None:
    command = engine().frame_command(launch(bench), 1, bench.scratch / "1.png")
    assert command.environment["ADSKFLEX_LICENSE_FILE"] == "27000@flex"
    assert command.hosts == ("flex",)
    assert Maya(Path("/m")).frame_command(launch(bench), 1, bench.scratch / "1.png").hosts == ()


MOVES = (("P:\\", "/mnt/p"), ("P:\\wolf", "/mnt/fast/wolf"), ("/Users/me/wolf", "tex"))


def test_maya_is_told_where_other_machines_paths_are_the_longest_first(bench: Bench) -> None:
    maya = Maya(Path("/usr/autodesk/maya2025"), moves=MOVES, windows=False)
    command = maya.frame_command(launch(bench), 1, bench.scratch / "1.png")
    told = command.environment["LIGHTMILL_PATH_MOVES"].split("|")
    assert told == [
        *("/Users/me/wolf", f"{bench.project}/tex"),
        *("P:/wolf", "/mnt/fast/wolf"),
        *("P:/", "/mnt/p"),
    ]
    assert {Path("/mnt/p"), Path("/mnt/fast/wolf")} <= set(command.readable)
    script = Path(command.environment["MAYA_SCRIPT_PATH"]) / "userSetup.mel"
    assert "dirmap -enable true" in script.read_text()
    assert script.parent in command.readable


def test_on_windows_the_paths_of_other_machines_become_those_of_a_drive() -> None:
    home = PureWindowsPath("C:\\Maya2025")
    maya = Maya(home, moves=[("/mnt/wolf", "W:\\wolf")], windows=True)  # type: ignore[arg-type]  # as on Windows
    project = PureWindowsPath("D:\\farm\\project")
    asked = Launch(
        step_id="s",
        work=Work(engine="maya", scene="a.ma"),
        project=project,  # type: ignore[arg-type]  # as on Windows
        scratch=project,  # type: ignore[arg-type]  # as on Windows
        cores=1,
        ram=1,
        gpus=(),
        log=Path(),
    )
    command = maya.frame_command(asked, 1, project / "1.png")  # type: ignore[arg-type]  # as on Windows
    assert command.environment["LIGHTMILL_PATH_MOVES"] == "/mnt/wolf|W:/wolf"


def test_without_rules_maya_is_told_nothing(bench: Bench) -> None:
    command = engine().frame_command(launch(bench), 1, bench.scratch / "1.png")
    assert not command.environment.keys() & {"LIGHTMILL_PATH_MOVES", "MAYA_SCRIPT_PATH"}
    assert command.readable == (Path("/usr/autodesk/maya2025"),)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("00:01:37  1603MB         |     0% done - 256 rays/pixel", Progress(0.0)),
        ("00:01:40  1603MB         |    45% done - 4 rays/pixel", Progress(0.45)),
        ("File read in  2.1 seconds.", Ready()),
        ("00:01:37  1603MB         | rendering image at 960 x 540, 3 AA samples", None),
        ('Starting "/usr/autodesk/maya2025/bin/maya"', None),
    ],
)
def test_lines_of_output_are_read(line: str, expected: object) -> None:
    assert engine().read(line) == expected


def test_a_watermark_ends_the_frame() -> None:
    line = "WARNING | [licensing] rendering with watermarks because of failed authorization"
    assert engine().read(line) == Failed(FailureKind.LICENCE, line)


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        ("Error: License was not obtained", FailureKind.LICENCE),
        ("ERROR | [licensing] could not check out, license denied", FailureKind.LICENCE),
        ('Error: Cannot find file "/p/shot.ma" for opening.', FailureKind.MISSING_FILE),
        ("ERROR | [texturesys] wood.tx: file does not exist", FailureKind.MISSING_FILE),
        ("Result: Memory Exception thrown", FailureKind.OUT_OF_MEMORY),
        ("terminate called after throwing std::bad_alloc", FailureKind.OUT_OF_MEMORY),
        ("Fatal Error. Attempting to save", FailureKind.ENGINE),
    ],
)
def test_failures_are_classified_by_what_was_said_last(tail: str, kind: FailureKind) -> None:
    assert engine().classify_failure(1, tail) is kind


def test_the_version_is_that_of_the_folder(maya_home: Path) -> None:
    assert Maya(maya_home, windows=False).discover() == ("2025",)
    assert Maya(maya_home, windows=True).discover() == ()
    assert Maya(Path("/nowhere/maya2024"), windows=False).discover() == ()


async def failing(bench: Bench, maya: Subject, scene: str) -> RenderFailedError:
    asked = Work(engine="maya", scene=f"scenes/{scene}.ma")
    renderer = await bench.open(maya.engine, bench.launch(asked, maya.project))
    with pytest.raises(RenderFailedError) as failed:
        await bench.render(renderer, 1)
    assert not bench.processes()
    return failed.value


@pytest.mark.parametrize(
    ("scene", "kind"),
    [
        ("absent", FailureKind.MISSING_FILE),
        ("unlicensed", FailureKind.LICENCE),
        ("empty", FailureKind.OUTPUT),
    ],
)
async def test_failures_of_the_stand_in(
    bench: Bench, maya: Subject, scene: str, kind: FailureKind
) -> None:
    assert (await failing(bench, maya, scene)).kind is kind


async def test_an_image_of_a_layer_is_found(bench: Bench, maya: Subject) -> None:
    asked = Work(engine="maya", scene="scenes/layered.ma")
    renderer = await bench.open(maya.engine, bench.launch(asked, maya.project))
    assert (await bench.render(renderer, 2)).path.parent.name == "masterLayer"


def test_settings_name_licence_servers() -> None:
    settings = NodeSettings(
        node_licences="ADSKFLEX_LICENSE_FILE=27000@a,solidangle_LICENSE=5053@b"
    )
    assert settings.licences == {
        "ADSKFLEX_LICENSE_FILE": "27000@a",
        "solidangle_LICENSE": "5053@b",
    }
    with pytest.raises(ValueError, match="node_licences"):
        NodeSettings(node_licences="no pairs")
