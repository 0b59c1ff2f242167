"""The first tokens of a farm, written where whoever installs it finds them."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from lightmill.domain.principal import Role
from lightmill.runtime.clock import Clock
from lightmill.runtime.ids import new_id
from lightmill.runtime.tokens import digest, new_token, parse
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.founding import FirstToken, found

ADMIN_FILE = "admin.token"
ENROLMENT_FILE = "enrolment.token"


class TokenFileError(Exception):
    """A token file is there and holds no token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstTokens:
    """The tokens of a new farm.

    Attributes:
        admin: Of the user `admin` in the tenant `default`.
        enrolment: With which render nodes ask for a token of their own.
    """

    admin: str
    enrolment: str


async def first_tokens(database: Database, folder: Path, clock: Clock) -> FirstTokens:
    """Return the tokens in `folder`, made if they are missing, and known to `database`.

    The file counts: after a database was lost, the same token works in the new one.

    Raises:
        TokenFileError: a file is there and holds something else.
    """
    tokens = _files(folder)
    first = [_first(tokens.admin, Role.ADMIN), _first(tokens.enrolment, Role.ENROLMENT)]
    await found(
        database,
        tenant_id=new_id(),
        user_id=new_id(),
        content_key=secrets.token_hex(32),
        tokens=first,
        now=clock.now(),
    )
    return tokens


def _files(folder: Path) -> FirstTokens:
    if not folder.is_dir():
        folder.mkdir(parents=True)
    return FirstTokens(admin=_kept(folder / ADMIN_FILE), enrolment=_kept(folder / ENROLMENT_FILE))


def _kept(path: Path) -> str:
    if path.exists():  # handed in, perhaps on a file system that cannot be written
        return _read(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        token = new_token().token
        file.write(token + "\n")
    return token


def _read(path: Path) -> str:
    token = path.read_text().strip()
    if parse(token) is None:
        raise TokenFileError(f"{path} holds no token; delete it and run the set-up again")
    return token


def _first(token: str, role: Role) -> FirstToken:
    parsed = parse(token)
    if parsed is None:
        raise TokenFileError(f"no {role} token")
    return FirstToken(id=parsed.id, secret_sha256=digest(parsed.secret), role=role)
