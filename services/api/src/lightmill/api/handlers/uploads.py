"""Large files, in parts that go straight to the object store; an upload resumes."""

from typing import Any

from fastapi import APIRouter, Response

from lightmill.api.core.upload_bodies import PartNumbersBody, UploadBody
from lightmill.api.handlers import stock_answers, upload_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, Who

router = APIRouter(prefix="/api/v1/uploads", tags=["uploads in parts"])
_STILL = 202
_READING: dict[int | str, dict[str, Any]] = {_STILL: {"model": upload_answers.UploadStanding}}


@router.post(
    "",
    operation_id="beginUpload",
    summary="Begin an upload, or go on with it: which parts are lacking?",
    **told(upload_answers.UploadStanding),
)
async def begin(body: UploadBody, who: Who, given: Given) -> Document:
    return await given.send_in_parts.begin(who, body)


@router.post(
    "/{upload_id}/part-urls",
    operation_id="signParts",
    summary="Where to PUT these parts",
    **told(upload_answers.PartUrls),
)
async def sign(upload_id: str, body: PartNumbersBody, who: Who, given: Given) -> Document:
    return await given.send_in_parts.part_urls(who, upload_id, body.numbers)


@router.post(
    "/{upload_id}/complete",
    operation_id="completeUpload",
    summary="Join the parts and read them back; 202: still reading, ask again",
    response_model=None,
    responses={200: {"model": stock_answers.Uploaded}, **_READING},
)
async def complete(upload_id: str, who: Who, given: Given, response: Response) -> Document:
    done = await given.complete_upload(who, upload_id)
    if done is not None:
        return done
    response.status_code = _STILL
    response.headers["Retry-After"] = "1"
    return await given.send_in_parts.standing(who, upload_id)


@router.get("/{upload_id}", operation_id="getUpload", **told(upload_answers.UploadStanding))
async def get(upload_id: str, who: Who, given: Given) -> Document:
    return await given.send_in_parts.standing(who, upload_id)


@router.delete("/{upload_id}", status_code=204, operation_id="giveUpUpload")
async def give_up(upload_id: str, who: Who, given: Given) -> None:
    await given.send_in_parts.give_up(who, upload_id)
