"""Give out tokens, to people and to nodes."""

from datetime import timedelta

from lightmill.api.core.bodies import TokenBody
from lightmill.api.core.problem import missing
from lightmill.api.ports import IssuedToken, Tokens
from lightmill.domain.principal import Principal, Role
from lightmill.runtime.clock import Clock
from lightmill.runtime.ids import new_id
from lightmill.runtime.tokens import NewToken, new_token


class IssueToken:
    """Makes tokens in the tenant of who asks."""

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    async def __call__(self, principal: Principal, body: TokenBody) -> NewToken:
        """Return a new token for a person, who is made if not known."""
        role = Role(body.role)
        user_id = await self._tokens.user(principal, body.user, role)
        made = new_token()
        now = self._clock.now()
        token = IssuedToken(
            id=made.id,
            secret_sha256=made.digest,
            role=role,
            user_id=user_id,
            expires_at=None if body.lifetime is None else now + timedelta(seconds=body.lifetime),
        )
        await self._tokens.add(principal, token)
        return made

    async def enrol(self, principal: Principal) -> tuple[str, NewToken]:
        """Return the id and the token of a new node."""
        node_id, made = new_id(), new_token()
        token = IssuedToken(
            id=made.id,
            secret_sha256=made.digest,
            role=Role.NODE,
            user_id=principal.user_id,
            node_id=node_id,
        )
        await self._tokens.add(principal, token)
        return node_id, made

    async def revoke(self, principal: Principal, token_id: str) -> None:
        """End a token; it may work for ten seconds more.

        Raises:
            ProblemError: the tenant has no such token.
        """
        if not await self._tokens.revoke(principal, token_id):
            raise missing("token")
