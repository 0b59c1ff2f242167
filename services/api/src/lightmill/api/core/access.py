"""Which token opens which route: a table, so that a new route is closed until it is named."""

import re

from lightmill.domain.principal import Role

_PUBLIC = re.compile(r"/healthz|/readyz|/metrics|/openapi\.json|/docs|/objects/.+")
_ENROL = re.compile(r"/api/v1/nodes/enrol")
_NODE = re.compile(r"/api/v1/attempts/[^/]+/(bundle|upload-urls)")
_ADMIN = re.compile(r"/api/v1/(tokens(/.*)?|retention|collections)")
_KEEPER = re.compile(
    r"/api/v1/(pools|limits|shares|policy)(/.*)?|/api/v1/nodes/[^/]+/(drain|resume|disable|forgive)"
)
_READING_POSTS = re.compile(r"/api/files/check_hashes")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PEOPLE = frozenset({Role.ADMIN, Role.ARTIST, Role.VIEWER})


def is_public(path: str) -> bool:
    """Tell whether `path` is served without a token; signed object URLs check themselves."""
    return _PUBLIC.fullmatch(path) is not None


def is_allowed(role: Role, method: str, path: str) -> bool:
    """Tell whether a bearer of `role` may send `method` to `path` at all."""
    if _ENROL.fullmatch(path):
        return role in {Role.ENROLMENT, Role.ADMIN}
    if _NODE.fullmatch(path):
        return role is Role.NODE
    if _ADMIN.fullmatch(path):
        return role is Role.ADMIN
    if _KEEPER.fullmatch(path) and method not in _SAFE:
        return role is Role.ADMIN
    if role is Role.VIEWER:
        return method in _SAFE or _READING_POSTS.fullmatch(path) is not None
    return role in _PEOPLE
