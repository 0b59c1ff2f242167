"""Who bears this token?"""

import hashlib
from datetime import datetime

from lightmill.api.core.problem import ProblemError
from lightmill.api.ports import StoredToken, Tokens
from lightmill.domain.principal import Principal
from lightmill.runtime import tokens as form
from lightmill.runtime.clock import Clock

KEPT_S = 10.0
_MOST_KEPT = 10_000


class Identify:
    """Recognises bearers; whom it knows it knows for ten seconds, without a query.

    So a token that is revoked may work for ten seconds more.
    """

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._known: dict[bytes, tuple[float, Principal]] = {}

    async def __call__(self, authorization: str | None) -> Principal:
        """Return the bearer of the token in an `Authorization` header.

        Raises:
            ProblemError: there is no token, or it is not or no longer good.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorised("send a token: Authorization: Bearer lm_...")
        token = token.strip()
        name, now = hashlib.sha256(token.encode()).digest(), self._clock.monotonic()
        kept = self._known.get(name)
        if kept is not None and kept[0] > now:
            return kept[1]
        principal = await self._look_up(token)
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[name] = (now + KEPT_S, principal)
        return principal

    async def _look_up(self, token: str) -> Principal:
        parsed = form.parse(token)
        stored = None if parsed is None else await self._tokens.find(parsed.id)
        if (
            parsed is None
            or stored is None
            or not form.verify(parsed.secret, stored.secret_sha256)
        ):
            raise _unauthorised("the token is not known here")
        if not _is_valid(stored, self._clock.now()):
            raise _unauthorised("the token has expired or was revoked")
        return stored.principal


def _is_valid(token: StoredToken, now: datetime) -> bool:
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > now)


def _unauthorised(detail: str) -> ProblemError:
    return ProblemError(
        401, "unauthorised", detail, headers={"WWW-Authenticate": 'Bearer realm="lightmill"'}
    )
