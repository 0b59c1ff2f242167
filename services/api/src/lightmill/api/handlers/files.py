"""Files: seed 004's two calls, and `/api/v1/files`."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse

from lightmill.api.core.bodies import HashesBody
from lightmill.api.core.problem import missing
from lightmill.api.handlers import answers, stock_answers, upload_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, PageCut, Who
from lightmill.api.handlers.upload_stream import received

seed_router = APIRouter(prefix="/api/files", tags=["seed 004: files"])
router = APIRouter(prefix="/api/v1/files", tags=["files"])
AssetId = Annotated[int, Path(ge=1, le=2**63 - 1)]
_TEXT = {"type": "string"}
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "path": {**_TEXT, "description": "What the client calls the file"},
                        "hash": {**_TEXT, "description": "MD5, BLAKE3 (hex) or xxh64 to check"},
                    },
                }
            }
        },
    }
}


@seed_router.post(
    "/check_hashes",
    operation_id="checkHashes",
    summary="Which are there already?",
    **told(stock_answers.HashesChecked),
)
async def check_hashes(body: HashesBody, who: Who, given: Given) -> Document:
    return await given.check_hashes(who, body.hashes)


@seed_router.post(
    "/upload",
    operation_id="uploadFile",
    summary="Send one file",
    openapi_extra=_FORM,
    **told(stock_answers.Uploaded),
)
async def upload(request: Request, who: Who, given: Given) -> Document:
    async with received(request, given.uploads) as form:
        return await given.upload_file(
            who, form.file, form.digests, form.path, form.fields.get("hash")
        )


@router.get(
    "",
    operation_id="listFiles",
    summary="The tenant's files, the newest first",
    **told(answers.Page[stock_answers.FileSeen]),
)
async def list_files(who: Who, given: Given, cut: PageCut) -> Document:
    return (await given.files.listed(who.tenant_id, cut)).document()


@router.get(
    "/uploads",
    operation_id="listUploads",
    summary="The upload history, newest first",
    **told(answers.Page[stock_answers.UploadSeen]),
)
async def uploads(who: Who, given: Given, cut: PageCut) -> Document:
    return (await given.files.uploads(who.tenant_id, cut)).document()


@router.get("/{asset_id}", operation_id="getFile", **told(stock_answers.FileSeen))
async def get_file(asset_id: AssetId, who: Who, given: Given) -> Document:
    found = await given.files.find(who.tenant_id, asset_id)
    if found is None:
        raise missing("file")
    return found


@router.get(
    "/{asset_id}/content",
    operation_id="downloadFile",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def download(asset_id: AssetId, who: Who, given: Given) -> StreamingResponse:
    found = await given.files.find(who.tenant_id, asset_id)
    key = await given.files.object_key(who.tenant_id, asset_id)
    if found is None or key is None or await given.store.info(key) is None:
        raise missing("file")
    # Whatever users send is never shown as a page of ours.
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(str(found['name']))}",
        "X-Content-Type-Options": "nosniff",
        "Content-Length": str(found["size"]),
    }
    return StreamingResponse(
        given.store.stream(key), media_type="application/octet-stream", headers=headers
    )


@router.post(
    "/{asset_id}/verify",
    operation_id="verifyFile",
    summary="Read it back: is it still what it was?",
    **told(upload_answers.FileVerified),
)
async def verify(asset_id: AssetId, who: Who, given: Given) -> Document:
    return await given.verify_file(who, asset_id)


@router.delete("/{asset_id}", status_code=204, operation_id="deleteFile")
async def delete(asset_id: AssetId, who: Who, given: Given) -> None:
    await given.delete_file(who, asset_id)
