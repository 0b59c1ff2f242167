"""What a person sees of `lightmill-node`."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lightmill.render_node.adapters.identity_file import IdentityFile
from lightmill.render_node.adapters.state_folder import claimed
from lightmill.render_node.cli import app
from lightmill.render_node.config import NodeSettings
from lightmill.render_node.ports import NodeIdentity


def _call(folder: Path, *arguments: str, **settings: str) -> Result:
    environment = {"LIGHTMILL_NODE_STATE_DIR": str(folder), "LIGHTMILL_NODE_NAME": "n1"}
    return CliRunner().invoke(app, list(arguments), env=environment | settings)


def test_the_status_of_a_node_that_never_ran(tmp_path: Path) -> None:
    shown = json.loads(_call(tmp_path / "state", "status").stdout)
    assert (shown["name"], shown["node_id"], shown["running"]) == ("n1", None, False)
    assert not (tmp_path / "state").exists()


def test_the_status_of_a_node_that_runs(tmp_path: Path) -> None:
    IdentityFile(tmp_path / "identity.json").write(NodeIdentity(node_id="7", token="secret"))  # noqa: S106  # invented
    with claimed(tmp_path):
        result = _call(tmp_path, "status")
    shown = json.loads(result.stdout)
    assert (shown["node_id"], shown["running"]) == ("7", True)
    assert "secret" not in result.stdout


def test_a_damaged_identity_is_explained(tmp_path: Path) -> None:
    (tmp_path / "identity.json").write_text("{")
    result = _call(tmp_path, "status")
    assert result.exit_code == 1
    assert "delete it and start with an enrolment token" in result.stderr


def test_without_a_broker_it_says_what_to_set(tmp_path: Path) -> None:
    result = _call(tmp_path, "run")
    assert result.exit_code == 1
    assert "LIGHTMILL_AMQP_URL" in result.stderr


def test_a_name_that_is_none_is_explained(tmp_path: Path) -> None:
    result = _call(tmp_path, "status", LIGHTMILL_NODE_NAME="not a name")
    assert result.exit_code != 0
    assert "letters, digits" in result.stderr


@pytest.mark.parametrize(
    ("demanded", "level", "accepted"),
    [
        ("none", "none", True),
        ("container", "bubblewrap", True),
        ("bubblewrap", "container", False),
        ("container", "something new", False),
    ],
)
def test_a_sandbox_has_to_be_as_strong_as_demanded(
    *, demanded: str, level: str, accepted: bool
) -> None:
    settings = NodeSettings(node_sandbox=demanded)
    assert settings.accepts_sandbox(level) == accepted


def test_pools_are_a_list(tmp_path: Path) -> None:
    settings = NodeSettings(node_state_dir=tmp_path, node_pools="default, designs,")
    assert settings.pools == ("default", "designs")


def test_two_nodes_share_the_devices_of_a_machine() -> None:
    assert [NodeSettings(node_gpus="0, 2").offers_gpu(index) for index in range(3)] == [
        True,
        False,
        True,
    ]
    assert NodeSettings().offers_gpu(7)


def test_a_node_is_told_to_leave(tmp_path: Path) -> None:
    assert "no node runs here" in _call(tmp_path / "absent", "drain").stdout
    holding = (
        "import pathlib, sys, time\n"
        "from lightmill.render_node.adapters.state_folder import claimed\n"
        "with claimed(pathlib.Path(sys.argv[1])):\n"
        "    print('claimed', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", holding, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as node:  # noqa: S603  # our own words
        assert node.stdout is not None
        assert node.stdout.readline() == b"claimed\n"
        assert json.loads(_call(tmp_path, "status").stdout)["running"]
        assert "told" in _call(tmp_path, "drain").stdout
        assert node.wait(20) == -signal.SIGTERM
    assert "no node runs here" in _call(tmp_path, "drain").stdout
