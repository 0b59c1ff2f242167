"""Bearer tokens: `lm_<id>_<secret>`; only the SHA-256 of the secret is ever stored."""

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

from lightmill.runtime.ids import new_id

_TOKEN = re.compile(r"lm_(?P<id>[0-9a-f-]{36})_(?P<secret>[A-Za-z0-9_-]{43})")


class NewToken(NamedTuple):
    """A token that was just made.

    Attributes:
        token: What the bearer keeps; it is shown once.
        id: Its primary key.
        digest: What the table `tokens` keeps as `secret_sha256`, hex.
    """

    token: str
    id: str
    digest: str


class ParsedToken(NamedTuple):
    """The two halves of a token."""

    id: str
    secret: str


def new_token() -> NewToken:
    """Return a token with 256 bits of randomness, its id and the digest to store."""
    token_id, secret = new_id(), secrets.token_urlsafe(32)
    return NewToken(f"lm_{token_id}_{secret}", token_id, digest(secret))


def parse(token: str) -> ParsedToken | None:
    """Return the id and the secret of `token`, or None when it has not the form of one."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else ParsedToken(found["id"], found["secret"])


def digest(secret: str) -> str:
    """Return what is stored of a secret: SHA-256, hex.

    A fast hash is enough, since the secret is random and too long to be guessed.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def verify(secret: str, stored: str) -> bool:
    """Tell, in a time that does not depend on the content, whether `stored` is of `secret`."""
    return hmac.compare_digest(digest(secret), stored)
