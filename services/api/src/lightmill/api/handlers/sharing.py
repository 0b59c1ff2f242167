"""Who beside the owner may use a design, a material or a texture."""

from fastapi import APIRouter

from lightmill.api.core.component import Component
from lightmill.api.core.problem import missing
from lightmill.api.handlers import design_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, Who

router = APIRouter(prefix="/api/v1/{kind}/{name}/shares", tags=["designs"])


@router.get(
    "",
    operation_id="listGrants",
    summary="Who beside the owner may use it",
    **told(design_answers.SharesSeen),
)
async def list_grants(kind: Component, name: str, who: Who, given: Given) -> Document:
    return {"users": await given.grants.users(who, kind, name)}


@router.put(
    "/{user}",
    operation_id="addGrant",
    summary="Share it with a user of the tenant; * is everybody",
    status_code=204,
)
async def add_grant(kind: Component, name: str, user: str, who: Who, given: Given) -> None:
    await given.grants.add(who, kind, name, user)


@router.delete(
    "/{user}",
    operation_id="deleteGrant",
    summary="Share it with that user no more",
    status_code=204,
)
async def delete_grant(kind: Component, name: str, user: str, who: Who, given: Given) -> None:
    if not await given.grants.remove(who, kind, name, user):
        raise missing(f"user {user!r} that it is shared with")
