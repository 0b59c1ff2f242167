"""Bundles: the files of a job under their paths."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from lightmill.api.core.bodies import ArchiveBody, BundleBody
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


@router.post(
    "/unpackings",
    operation_id="unpackArchive",
    summary="Put the files of an uploaded archive under their paths",
    response_model=None,
    status_code=201,
    responses={
        201: {
            "description": "Unpacked",
            "content": {"application/json": {"example": {"bundle_id": "0190…"}}},
        },
        202: {"description": "Still being unpacked: send the same again in a while"},
    },
)
async def unpack(body: ArchiveBody, who: Who, given: Given) -> JSONResponse:
    found = await given.unpack_archive(who, body)
    if isinstance(found, str):
        where = {"Location": f"/api/v1/bundles/{found}"}
        return JSONResponse({"bundle_id": found}, 201, headers=where)
    return JSONResponse({"analysis_id": found.id, "state": found.state}, 202)


@router.get("/{bundle_id}", operation_id="getBundle", **told(stock_answers.BundleSeen))
async def get(bundle_id: str, who: Who, given: Given) -> Document:
    found = await given.files.bundle(who.tenant_id, bundle_id)
    if found is None:
        raise missing("bundle")
    return found
