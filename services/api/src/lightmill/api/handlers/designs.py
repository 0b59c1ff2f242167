"""Designs: models with their materials, to be rendered from any camera."""

from fastapi import APIRouter, Response

from lightmill.api.core.bodies import DesignBody
from lightmill.api.core.problem import missing
from lightmill.api.handlers import answers, stock_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, PageCut, Who

router = APIRouter(prefix="/api/v1/designs", tags=["designs"])


@router.post(
    "", operation_id="makeDesign", summary="Keep a design", **told(stock_answers.DesignMade, 201)
)
async def make(body: DesignBody, who: Who, given: Given, response: Response) -> Document:
    design_id = await given.make_design(who, body)
    response.headers["Location"] = f"/api/v1/designs/{design_id}"
    return {"design_id": design_id}


@router.get(
    "",
    operation_id="listDesigns",
    summary="The tenant's designs, the newest first",
    **told(answers.Page[stock_answers.DesignSeen]),
)
async def list_designs(who: Who, given: Given, cut: PageCut) -> Document:
    return (await given.files.designs(who.tenant_id, cut)).document()


@router.get("/{design_id}", operation_id="getDesign", **told(stock_answers.DesignSeen))
async def get(design_id: str, who: Who, given: Given) -> Document:
    found = await given.files.design(who.tenant_id, design_id)
    if found is None:
        raise missing("design")
    return found
