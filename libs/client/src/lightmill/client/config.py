"""Which farm to talk to, and with which token."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lightmill.client.errors import FarmError, NotLoggedInError

ENVIRONMENT: Mapping[str, str] = os.environ  # noqa: TID251  # read here and nowhere else


class ConfigError(FarmError):
    """A configuration file that cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The address of a farm, and a token for it that never shows in a traceback."""

    url: str
    token: str = field(repr=False)


def config_file(environment: Mapping[str, str] = ENVIRONMENT) -> Path:
    """Return where `lightmill login` keeps what it was told."""
    home = Path(environment.get("HOME") or Path.home())
    folder = environment.get("XDG_CONFIG_HOME") or home / ".config"
    return Path(folder) / "lightmill" / "client.json"


def cache_folder(environment: Mapping[str, str] = ENVIRONMENT) -> Path:
    """Return where the command keeps what it can do without."""
    home = Path(environment.get("HOME") or Path.home())
    return Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "lightmill"


def load_login(environment: Mapping[str, str] = ENVIRONMENT) -> Login:
    """Return the login; each of LIGHTMILL_URL and LIGHTMILL_TOKEN goes before the file.

    Raises:
        NotLoggedInError: url or token stands nowhere.
        ConfigError: the file is there and cannot be read.
    """
    kept = _read(config_file(environment))
    url = environment.get("LIGHTMILL_URL") or kept.get("url")
    # A kept token belongs to the kept farm and is not shown to another.
    same = url == kept.get("url")
    token = environment.get("LIGHTMILL_TOKEN") or (kept.get("token") if same else None)
    if not url or not token:
        raise NotLoggedInError
    return Login(url=url, token=token)


def save_login(login: Login, environment: Mapping[str, str] = ENVIRONMENT) -> Path:
    """Keep the login in a file that its owner alone may read; returns the file."""
    path = config_file(environment)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"url": login.url, "token": login.token}, file)
    draft.replace(path)
    return path


def _read(path: Path) -> dict[str, str]:
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read; run `lightmill login` again") from error
    if not isinstance(kept, dict):
        raise ConfigError(f"{path} is no configuration; run `lightmill login` again")
    return {key: value for key, value in kept.items() if isinstance(value, str)}
