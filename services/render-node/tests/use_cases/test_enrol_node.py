import pytest
from node_twins import Farm

from lightmill.render_node.ports import NodeIdentity, NotAdmittedError, UnreachableError
from lightmill.render_node.use_cases.enrol_node import (
    EnrolNode,
    NotEnrolledError,
    require_admitted,
)

KNOWN = NodeIdentity(node_id="7", token="lm_x")  # noqa: S106  # invented


class Kept:
    def __init__(self, identity: NodeIdentity | None = None) -> None:
        self.identity = identity

    def read(self) -> NodeIdentity | None:
        return self.identity

    def write(self, identity: NodeIdentity) -> None:
        self.identity = identity


class Office:
    """Enrols after it was away for a while."""

    def __init__(self, *, away: int = 0, refuses: bool = False) -> None:
        self.away = away
        self.refuses = refuses

    async def enrol(self, name: str) -> NodeIdentity:
        if self.refuses:
            raise NotAdmittedError(name)
        if self.away:
            self.away -= 1
            raise UnreachableError(name)
        return KNOWN


async def test_a_node_enrols_once_and_waits_for_the_farm() -> None:
    kept = Kept()
    assert await EnrolNode(identities=kept, enrolment=Office(away=1))("n") == KNOWN
    assert kept.identity == KNOWN
    assert await EnrolNode(identities=kept, enrolment=None)("n") == KNOWN


async def test_without_a_token_it_says_what_is_needed() -> None:
    with pytest.raises(NotEnrolledError, match="LIGHTMILL_ENROLMENT_TOKEN"):
        await EnrolNode(identities=Kept(), enrolment=None)("n")


async def test_a_refused_token_leaves_nothing_behind() -> None:
    kept = Kept()
    with pytest.raises(NotEnrolledError, match="ask an administrator"):
        await EnrolNode(identities=kept, enrolment=Office(refuses=True))("n")
    assert kept.identity is None


async def test_a_revoked_node_is_told_so_at_the_start() -> None:
    farm = Farm()
    await require_admitted(farm)
    farm.admitted = False
    with pytest.raises(NotEnrolledError, match=r"delete identity\.json"):
        await require_admitted(farm)


async def test_an_api_that_is_away_does_not_keep_the_node_from_starting() -> None:
    farm = Farm()
    farm.reachable = False
    await require_admitted(farm)
    assert farm.calls["bundle"] == 1
