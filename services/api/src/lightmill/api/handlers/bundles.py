"""Bundles: the files of a job under their paths."""

from fastapi import APIRouter, Response

from lightmill.api.core.bodies import BundleBody
from lightmill.api.core.problem import missing
from lightmill.api.handlers import stock_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, Who

router = APIRouter(prefix="/api/v1/bundles", tags=["bundles"])


@router.post(
    "",
    operation_id="makeBundle",
    summary="Put files under paths",
    **told(stock_answers.BundleMade, 201),
)
async def make(body: BundleBody, who: Who, given: Given, response: Response) -> Document:
    bundle_id = await given.make_bundle(who, body.files)
    response.headers["Location"] = f"/api/v1/bundles/{bundle_id}"
    return {"bundle_id": bundle_id}


@router.get("/{bundle_id}", operation_id="getBundle", **told(stock_answers.BundleSeen))
async def get(bundle_id: str, who: Who, given: Given) -> Document:
    found = await given.files.bundle(who.tenant_id, bundle_id)
    if found is None:
        raise missing("bundle")
    return found
