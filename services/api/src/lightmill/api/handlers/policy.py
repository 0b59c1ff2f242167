"""How the farm is shared: pools, limits, shares. Admins decide, everybody may look."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Response

from lightmill.api.core.bodies import Body
from lightmill.api.core.policy_bodies import FarmPolicyBody, LimitBody, PoolBody, ShareBody
from lightmill.api.core.problem import invalid, missing
from lightmill.api.handlers import answers, policy_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.etag import IfMatch, changed_meanwhile, expected
from lightmill.api.handlers.given import Collaborators, Document, Given, PageCut, Who
from lightmill.api.ports.policy import Key, Subject
from lightmill.api.queries.policy import TENANT
from lightmill.domain.policy import POOL_LIMIT
from lightmill.domain.principal import Principal

router = APIRouter(prefix="/api/v1", tags=["how the farm is shared"])
Name = Annotated[str, Path(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]


@router.get("/pools", operation_id="listPools", **told(answers.Page[policy_answers.PoolSeen]))
async def list_pools(who: Who, given: Given) -> Document:  # noqa: ARG001  # see Who
    return {"items": await given.policies.pools(), "next": None}


@router.put(
    "/pools/{pool}",
    operation_id="setPool",
    summary="Decide how a pool orders its work",
    **told(policy_answers.PoolSeen),
)
async def set_pool(  # FastAPI hands each in
    pool: Name,
    body: PoolBody,
    who: Who,
    given: Given,
    response: Response,
    if_match: IfMatch = None,
) -> Document:
    version = await _put(given, who, Subject.POOL, {"name": pool}, body, if_match)
    response.headers["ETag"] = f'"{version}"'
    return _named(await given.policies.pools(), pool)


@router.delete(
    "/pools/{pool}",
    status_code=204,
    operation_id="deletePool",
    summary="Take the decision on a pool back",
)
async def delete_pool(pool: Name, who: Who, given: Given, if_match: IfMatch = None) -> None:
    await _remove(given, who, Subject.POOL, {"name": pool}, if_match)


@router.get("/limits", operation_id="listLimits", **told(answers.Page[policy_answers.LimitSeen]))
async def list_limits(who: Who, given: Given) -> Document:  # noqa: ARG001  # see Who
    return {"items": await given.policies.limits(), "next": None}


@router.put(
    "/limits/{limit}",
    operation_id="setLimit",
    summary="Decide how many there are of something that tasks share",
    **told(policy_answers.LimitSeen),
)
async def set_limit(  # FastAPI hands each in
    limit: Name,
    body: LimitBody,
    who: Who,
    given: Given,
    response: Response,
    if_match: IfMatch = None,
) -> Document:
    if limit.startswith(POOL_LIMIT):
        raise invalid("name", f"begins with {POOL_LIMIT}, which stands for the room of pools")
    version = await _put(given, who, Subject.LIMIT, {"name": limit}, body, if_match)
    response.headers["ETag"] = f'"{version}"'
    return _named(await given.policies.limits(), limit)


@router.delete("/limits/{limit}", status_code=204, operation_id="deleteLimit")
async def delete_limit(limit: Name, who: Who, given: Given, if_match: IfMatch = None) -> None:
    await _remove(given, who, Subject.LIMIT, {"name": limit}, if_match)


@router.get(
    "/shares",
    operation_id="listShares",
    summary="Of the tenant and its users",
    **told(answers.Page[policy_answers.ShareSeen]),
)
async def list_shares(who: Who, given: Given, cut: PageCut) -> Document:
    return (await given.policies.shares(who.tenant_id, cut)).document()


@router.put(
    "/shares/{user:path}",
    operation_id="setShare",
    summary="Decide what a user may expect; * is the whole tenant",
    **told(policy_answers.ShareSet),
)
async def set_share(  # FastAPI hands each in
    user: Name,
    body: ShareBody,
    who: Who,
    given: Given,
    response: Response,
    if_match: IfMatch = None,
) -> Document:
    version = await _put(given, who, Subject.SHARE, _share(who, user), body, if_match)
    response.headers["ETag"] = f'"{version}"'
    return {"user": user, **body.model_dump(), "version": version}


@router.delete("/shares/{user:path}", status_code=204, operation_id="deleteShare")
async def delete_share(user: Name, who: Who, given: Given, if_match: IfMatch = None) -> None:
    await _remove(given, who, Subject.SHARE, _share(who, user), if_match)


@router.get(
    "/policy",
    operation_id="getPolicy",
    summary="What holds for the whole farm",
    **told(policy_answers.FarmPolicySeen),
)
async def get_policy(who: Who, given: Given, response: Response) -> Document:  # noqa: ARG001  # see Who
    found = await given.policies.farm()
    response.headers["ETag"] = f'"{found["version"]}"'
    return found


@router.put("/policy", operation_id="setPolicy", **told(policy_answers.FarmPolicySeen))
async def set_policy(
    body: FarmPolicyBody, who: Who, given: Given, response: Response, if_match: IfMatch = None
) -> Document:
    version = await _put(given, who, Subject.FARM, {"id": 1}, body, if_match)
    response.headers["ETag"] = f'"{version}"'
    return await given.policies.farm()


def _share(who: Principal, user: str) -> Key:
    return {"tenant_id": who.tenant_id, "user_label": "" if user == TENANT else user}


def _named(items: Sequence[Mapping[str, object]], name: str) -> Document:
    return dict(next(item for item in items if item["name"] == name))


async def _put(  # what every decision has
    given: Collaborators,
    who: Principal,
    subject: Subject,
    key: Key,
    body: Body,
    if_match: str | None,
) -> int:
    values = body.model_dump(mode="json")
    version = await given.decisions.put(who, subject, key, values, expected(if_match))
    if version is None:
        raise changed_meanwhile(subject.value)
    return version


async def _remove(
    given: Collaborators, who: Principal, subject: Subject, key: Key, if_match: str | None
) -> None:
    removed = await given.decisions.remove(who, subject, key, expected(if_match))
    if removed is None:
        raise changed_meanwhile(subject.value)
    if not removed:
        raise missing(subject.value)
