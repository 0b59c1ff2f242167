"""Makes the node known to the farm, once."""

from typing import Protocol

import structlog

from lightmill.render_node.ports import (
    Api,
    AttemptGoneError,
    Enrolment,
    NodeIdentity,
    NotAdmittedError,
    RenderFailedError,
    UnreachableError,
)
from lightmill.render_node.use_cases.insist import insist

_log = structlog.get_logger(__name__)
_NO_ATTEMPT = "00000000-0000-0000-0000-000000000000"


class NotEnrolledError(Exception):
    """The node is not part of a farm; the message says what a person has to do."""


class Identities(Protocol):
    """Where the node keeps who it is."""

    def read(self) -> NodeIdentity | None:
        """Return who the node is, or None when it never enrolled."""
        ...

    def write(self, identity: NodeIdentity) -> None:
        """Keep `identity`."""
        ...


class EnrolNode:
    """Gives the node its identity: the one that it has, or a new one from the farm."""

    def __init__(self, *, identities: Identities, enrolment: Enrolment | None) -> None:
        self._identities = identities
        self._enrolment = enrolment

    async def __call__(self, name: str) -> NodeIdentity:
        """Return who the node is; waits for a farm that does not answer yet.

        Raises:
            NotEnrolledError: the farm refuses, or there is no token to enrol with.
        """
        known = self._identities.read()
        if known is not None:
            return known
        enrolment = self._enrolment
        if enrolment is None:
            raise NotEnrolledError(
                "this node is not enrolled; set LIGHTMILL_ENROLMENT_TOKEN to a token made by"
                " an administrator"
            )
        try:
            identity = await insist(lambda: enrolment.enrol(name), "enrolment")
        except (NotAdmittedError, AttemptGoneError, RenderFailedError) as error:
            raise NotEnrolledError(
                f"the farm does not enrol this node: {error}; ask an administrator for a new token"
            ) from error
        self._identities.write(identity)
        _log.info("enrolled", node_id=identity.node_id)
        return identity


async def require_admitted(api: Api) -> None:
    """Return when the farm knows the node's token, or does not answer at all.

    Raises:
        NotEnrolledError: the token is unknown or was revoked.
    """
    try:
        await api.bundle(_NO_ATTEMPT)
    except NotAdmittedError as error:
        raise NotEnrolledError(
            f"the farm no longer admits this node: {error}; delete identity.json in the state"
            " folder and start with a new enrolment token"
        ) from error
    except AttemptGoneError:
        return  # the token was good: it is the attempt that there is not
    except (UnreachableError, RenderFailedError) as error:
        _log.warning("api not reached", error=str(error))
