import stat
from pathlib import Path

import pytest

from lightmill.local.folder import FolderInUseError, claimed


def test_a_folder_serves_one_farm_at_a_time(tmp_path: Path) -> None:
    with (
        claimed(tmp_path / "farm"),
        pytest.raises(FolderInUseError, match="--data"),
        claimed(tmp_path / "farm"),
    ):
        pass
    with claimed(tmp_path / "farm") as again:
        assert again.root == tmp_path / "farm"


def test_the_key_of_signed_urls_is_kept_and_for_the_owner_alone(tmp_path: Path) -> None:
    with claimed(tmp_path) as folder:
        key = folder.url_secret()
        assert folder.url_secret() == key
        assert len(key) > 32
        assert stat.S_IMODE((folder.secrets / "urls.key").stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.secrets.stat().st_mode) == 0o700
