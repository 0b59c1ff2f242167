import pytest

from lightmill.api.core.access import is_allowed, is_public
from lightmill.domain.principal import Role


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/objects/a/b", "/metrics"])
def test_public(path: str) -> None:
    assert is_public(path)


@pytest.mark.parametrize("path", ["/", "/objects", "/healthz/x", "/jobs", "/docs/x", "/readyzz"])
def test_not_public(path: str) -> None:
    assert not is_public(path)


@pytest.mark.parametrize("role", list(Role))
def test_a_route_that_nobody_has_named_is_closed_to_machines(role: Role) -> None:
    people = {Role.ADMIN, Role.ARTIST}
    assert is_allowed(role, "POST", "/api/v9/new") is (role in people)
