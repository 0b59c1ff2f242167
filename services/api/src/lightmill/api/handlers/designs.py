"""Designs: models with their materials, in versions, to be rendered from any camera."""

from fastapi import APIRouter, Response

from lightmill.api.core.design_bodies import DesignBody, VersionBody
from lightmill.api.core.problem import missing
from lightmill.api.handlers import design_answers
from lightmill.api.handlers.answers import Page, told
from lightmill.api.handlers.given import Collaborators, Document, Given, PageCut, Who

router = APIRouter(prefix="/api/v1/designs", tags=["designs"])


@router.post(
    "", operation_id="makeDesign", summary="Keep a design", **told(design_answers.DesignMade, 201)
)
async def make(body: DesignBody, who: Who, given: Given, response: Response) -> Document:
    design_id = await given.make_design(who, body)
    response.headers["Location"] = f"/api/v1/designs/{design_id}"
    return {"design_id": design_id, "version": 1}


@router.get(
    "",
    operation_id="listDesigns",
    summary="The designs that are yours or shared with you, the newest first",
    **told(Page[design_answers.DesignSeen]),
)
async def list_designs(who: Who, given: Given, cut: PageCut) -> Document:
    found = await given.designs.listed(who, cut)
    return {"items": [_shown(one, given) for one in found.items], "next": found.next}


@router.get("/{design_id}", operation_id="getDesign", **told(design_answers.DesignSeen))
async def get(design_id: str, who: Who, given: Given) -> Document:
    found = await given.designs.find(who, design_id)
    if found is None:
        raise missing("design")
    return _shown(found, given)


@router.delete(
    "/{design_id}",
    operation_id="deleteDesign",
    summary="Forget a design with all its versions; its jobs and their images stay",
    status_code=204,
)
async def delete(design_id: str, who: Who, given: Given) -> None:
    await given.design_rows.remove(who, design_id)


@router.post(
    "/{design_id}/versions",
    operation_id="addDesignVersion",
    summary="Put a new version together",
    **told(design_answers.DesignMade, 201),
)
async def add_version(
    design_id: str, body: VersionBody, who: Who, given: Given, response: Response
) -> Document:
    number = await given.make_design.version(who, design_id, body)
    response.headers["Location"] = f"/api/v1/designs/{design_id}/versions/{number}"
    return {"design_id": design_id, "version": number}


@router.get(
    "/{design_id}/versions",
    operation_id="listDesignVersions",
    summary="The versions of a design, the newest first",
    **told(Page[design_answers.DesignSeen]),
)
async def list_versions(design_id: str, who: Who, given: Given, cut: PageCut) -> Document:
    found = await given.designs.versions(who, design_id, cut)
    if not found.items and await given.designs.find(who, design_id) is None:
        raise missing("design")
    return {"items": [_shown(one, given) for one in found.items], "next": found.next}


@router.get(
    "/{design_id}/versions/{version}",
    operation_id="getDesignVersion",
    **told(design_answers.DesignSeen),
)
async def get_version(design_id: str, version: int, who: Who, given: Given) -> Document:
    found = await given.designs.find(who, design_id, version)
    if found is None:
        raise missing("version of a design")
    return _shown(found, given)


@router.post(
    "/{design_id}/versions/{version}/thumbnail",
    operation_id="renderThumbnail",
    summary="Have the farm render a picture of a version",
    **told(design_answers.ThumbnailWanted, 202),
)
async def render_thumbnail(design_id: str, version: int, who: Who, given: Given) -> Document:
    return {"job_id": await given.render_thumbnail(who, design_id, version)}


def _shown(found: Document, given: Collaborators) -> Document:
    key = found.pop("thumbnail_key")
    return {**found, "thumbnail_url": None if key is None else given.sign(str(key))}
