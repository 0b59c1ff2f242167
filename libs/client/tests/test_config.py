import stat
from pathlib import Path

import pytest

from lightmill.client.config import ConfigError, Login, config_file, load_login, save_login
from lightmill.client.errors import NotLoggedInError

LOGIN = Login(url="http://farm:3000", token="lm_secret")  # noqa: S106  # invented


def test_what_is_saved_is_loaded_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    place = {"XDG_CONFIG_HOME": str(tmp_path)}
    path = save_login(LOGIN, place)
    save_login(LOGIN, place)
    assert load_login(place) == LOGIN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_environment_goes_first(tmp_path: Path) -> None:
    place = {"XDG_CONFIG_HOME": str(tmp_path), "LIGHTMILL_TOKEN": "lm_other"}
    save_login(LOGIN, place)
    assert load_login(place) == Login(url=LOGIN.url, token="lm_other")  # noqa: S106  # invented


def test_a_kept_token_is_not_shown_to_another_farm(tmp_path: Path) -> None:
    place = {"XDG_CONFIG_HOME": str(tmp_path), "LIGHTMILL_URL": "http://elsewhere"}
    save_login(LOGIN, place)
    with pytest.raises(NotLoggedInError, match="lightmill login"):
        load_login(place)


def test_a_broken_file_tells_the_remedy(tmp_path: Path) -> None:
    place = {"XDG_CONFIG_HOME": str(tmp_path)}
    path = config_file(place)
    path.parent.mkdir(parents=True)
    for content in ("{", "[]"):
        path.write_text(content)
        with pytest.raises(ConfigError, match="lightmill login"):
            load_login(place)


def test_the_token_never_shows() -> None:
    assert "lm_secret" not in repr(LOGIN)
