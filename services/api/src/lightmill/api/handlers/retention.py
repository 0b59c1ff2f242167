"""How long things are kept, for the tenant's admins."""

from dataclasses import asdict

from fastapi import APIRouter

from lightmill.api.core.retention import Retention
from lightmill.api.core.upload_bodies import CollectionBody, RetentionBody
from lightmill.api.handlers import upload_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, Who

router = APIRouter(prefix="/api/v1", tags=["retention"])


@router.get(
    "/retention",
    operation_id="getRetention",
    summary="After how many days what goes (null: never), and in which storage class it lies",
    **told(upload_answers.RetentionSeen),
)
async def get(who: Who, given: Given) -> Document:
    return asdict(await given.collect_garbage.retention(who))


@router.put("/retention", operation_id="setRetention", **told(upload_answers.RetentionSeen))
async def put(body: RetentionBody, who: Who, given: Given) -> Document:
    retention = Retention(**body.model_dump())
    await given.collect_garbage.keep(who, retention)
    return asdict(retention)


@router.post(
    "/collections",
    operation_id="collectGarbage",
    summary="Delete now what is due, or tell what would go",
    **told(upload_answers.CollectedSeen),
)
async def collect(body: CollectionBody, who: Who, given: Given) -> Document:
    return (await given.collect_garbage(who, dry_run=body.dry_run)).document()
