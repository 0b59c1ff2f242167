"""What is the command engine's own: placeholders, its environment, and what a program may do."""

import sys
from pathlib import Path

import pytest
from engine_kit import Bench, Subject

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Json, Work
from lightmill.render_node.adapters.submissions import JournalSubmissions
from lightmill.render_node.config import NodeSettings
from lightmill.render_node.engines.command import CommandEngine, filled
from lightmill.render_node.engines.configured import configured
from lightmill.render_node.ports import RenderFailedError
from lightmill.runtime.clock import SystemClock

VALUES: dict[str, str | int] = {"frame": 7, "output": "/o/7.png"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("{frame}", "7"),
        ("f{frame:04}.{frame:2}", "f0007.07"),
        ("{frame:04d}", "0007"),
        ("--to={output}", "--to=/o/7.png"),
        ("{{frame}}", "{frame}"),
        ('{"json": 1}', '{"json": 1}'),
    ],
)
def test_placeholders_are_replaced(text: str, expected: str) -> None:
    assert filled(text, VALUES) == expected


@pytest.mark.parametrize("text", ["{ouput}", "{}", "{frame}/{HOME}"])
def test_unknown_placeholder_names_those_that_there_are(text: str) -> None:
    with pytest.raises(RenderFailedError, match=r"there are \{frame\}, \{output\}"):
        filled(text, VALUES)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"command": "rm -rf /"},
        {"command": []},
        {"command": ["a", 1]},
        {"command": ["true"], "environment": {"a=b": "c"}},
        {"command": ["true"], "environment": ["a"]},
    ],
)
def test_settings_that_are_no_command_are_refused(bench: Bench, settings: dict[str, Json]) -> None:
    launch = bench.launch(Work(engine="command", settings=settings))
    with pytest.raises(RenderFailedError, match="settings"):
        CommandEngine().frame_command(launch, 1, bench.scratch / "1.png")


async def test_a_frame_of_the_format_none_is_done_when_its_program_is(
    bench: Bench, command: Subject
) -> None:
    settings: dict[str, Json] = {"command": ["true"], "format": "NONE"}
    renderer = await bench.open(
        command.engine, bench.launch(Work(engine="command", settings=settings))
    )
    rendered = await bench.render(renderer, 1)
    assert not rendered.exists
    assert not rendered.path.exists()


async def test_a_frame_of_the_format_none_fails_with_its_program(
    bench: Bench, command: Subject
) -> None:
    failure = await failing(bench, command, "false", format="NONE")
    assert failure.kind is FailureKind.ENGINE


async def failing(
    bench: Bench, command: Subject, *argv: str, **settings: Json
) -> RenderFailedError:
    work = Work(engine="command", settings={"command": list(argv), **settings})
    renderer = await bench.open(command.engine, bench.launch(work))
    with pytest.raises(RenderFailedError) as failed:
        await bench.render(renderer, 1)
    return failed.value


async def test_exit_code_and_last_words_are_told(bench: Bench, command: Subject) -> None:
    failure = await failing(bench, command, "sh", "-c", "printf 'no such brush' >&2; exit 3")
    assert failure.kind is FailureKind.ENGINE
    assert "exit code 3" in failure.detail
    assert "no such brush" in failure.detail


async def test_success_without_an_image_is_a_failure(bench: Bench, command: Subject) -> None:
    failure = await failing(bench, command, "true")
    assert failure.kind is FailureKind.OUTPUT
    assert "without an image" in failure.detail


async def test_failure_with_an_image_is_a_failure(bench: Bench, command: Subject) -> None:
    failure = await failing(bench, command, "sh", "-c", "echo x > '{output}'; exit 1")
    assert "exit code 1" in failure.detail


async def test_program_that_is_not_there_is_told(bench: Bench, command: Subject) -> None:
    failure = await failing(bench, command, "no-such-program")
    assert "no-such-program" in failure.detail


async def test_command_sees_its_environment_and_nothing_of_the_node(
    bench: Bench, command: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "of the node")
    show = 'echo "$SECRET/$SHOT/$OMP_NUM_THREADS" >&2; cat >&2; exit 1'
    work = Work(
        engine="command",
        settings={"command": ["sh", "-c", show], "environment": {"SHOT": "s{frame:03}"}},
    )
    renderer = await bench.open(command.engine, bench.launch(work))
    with pytest.raises(RenderFailedError, match="/s001/1"):
        await bench.render(renderer, 1)


def test_only_a_node_that_says_so_offers_commands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    submissions = JournalSubmissions(tmp_path / "journal.sqlite", SystemClock())
    assert not configured(NodeSettings(), submissions, SystemClock())
    monkeypatch.setenv("LIGHTMILL_NODE_COMMAND", "true")
    monkeypatch.setenv("LIGHTMILL_NODE_COMMAND_FOLDERS", "/opt/a:/opt/b")
    (engine,) = configured(NodeSettings(), submissions, SystemClock())
    assert engine.name == "command"
    assert NodeSettings().command_folders == (Path("/opt/a"), Path("/opt/b"))


async def test_opening_larger_than_a_pipe_arrives_whole(bench: Bench, simulated: Subject) -> None:
    work = Work(engine="simulated", settings={"note": "x" * 250_000})
    renderer = await bench.open(simulated.engine, bench.launch(work))
    assert (await bench.render(renderer, 1)).path.is_file()
    assert sys.getsizeof(work.settings["note"]) > 2**16
