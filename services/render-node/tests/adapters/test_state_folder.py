from pathlib import Path

import pytest

from lightmill.render_node.adapters.identity_file import IdentityFile, IdentityFileError
from lightmill.render_node.adapters.state_folder import StateFolderError, claimed, is_claimed
from lightmill.render_node.ports import NodeIdentity


def test_two_nodes_never_share_a_folder(tmp_path: Path) -> None:
    with claimed(tmp_path):
        assert is_claimed(tmp_path)
        with pytest.raises(StateFolderError, match="a LIGHTMILL_NODE_STATE_DIR of its own"):
            claimed(tmp_path).__enter__()
    assert not is_claimed(tmp_path)


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateFolderError, match="set LIGHTMILL_NODE_STATE_DIR"):
        claimed(tmp_path / "file" / "state").__enter__()


def test_an_identity_is_kept_for_the_node_alone(tmp_path: Path) -> None:
    path = tmp_path / "identity.json"
    identity = NodeIdentity(node_id="n", token="lm_1_secret")  # noqa: S106  # invented
    assert IdentityFile(path).read() is None
    IdentityFile(path).write(identity)
    assert IdentityFile(path).read() == identity
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense"])
def test_a_damaged_identity_is_explained(tmp_path: Path, text: str) -> None:
    (tmp_path / "identity.json").write_text(text)
    with pytest.raises(IdentityFileError, match="delete it and start with an enrolment token"):
        IdentityFile(tmp_path / "identity.json").read()
