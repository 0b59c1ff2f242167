"""Materials and textures: things by themselves, that several designs may use."""

from fastapi import APIRouter, Response

from lightmill.api.core.component import Component
from lightmill.api.core.design_bodies import MaterialBody, TextureBody
from lightmill.api.core.problem import missing
from lightmill.api.handlers import design_answers
from lightmill.api.handlers.answers import Page, told
from lightmill.api.handlers.given import Document, Given, PageCut, Who

router = APIRouter(prefix="/api/v1", tags=["designs"])


@router.post(
    "/materials",
    operation_id="makeMaterial",
    summary="Keep a material",
    **told(design_answers.MaterialMade, 201),
)
async def make_material(
    body: MaterialBody, who: Who, given: Given, response: Response
) -> Document:
    made = await given.make_material(who, body)
    response.headers["Location"] = f"/api/v1/materials/{made}"
    return {"material_id": made}


@router.get(
    "/materials",
    operation_id="listMaterials",
    summary="The materials that are yours or shared with you, the newest first",
    **told(Page[design_answers.MaterialSeen]),
)
async def list_materials(who: Who, given: Given, cut: PageCut) -> Document:
    return (await given.designs.materials(who, cut)).document()


@router.get(
    "/materials/{material_id}", operation_id="getMaterial", **told(design_answers.MaterialSeen)
)
async def get_material(material_id: str, who: Who, given: Given) -> Document:
    for found in (await given.designs.materials(who, name=material_id)).items:
        return found
    raise missing("material")


@router.delete(
    "/materials/{material_id}",
    operation_id="deleteMaterial",
    summary="Forget a material that no version of a design uses",
    status_code=204,
)
async def delete_material(material_id: str, who: Who, given: Given) -> None:
    await given.materials.remove(who, Component.MATERIAL, material_id)


@router.post(
    "/textures",
    operation_id="makeTexture",
    summary="Keep a texture",
    **told(design_answers.TextureMade, 201),
)
async def make_texture(body: TextureBody, who: Who, given: Given, response: Response) -> Document:
    made = await given.make_material.texture(who, body)
    response.headers["Location"] = f"/api/v1/textures/{made}"
    return {"texture_id": made}


@router.get(
    "/textures",
    operation_id="listTextures",
    summary="The textures that are yours or shared with you, the newest first",
    **told(Page[design_answers.TextureSeen]),
)
async def list_textures(who: Who, given: Given, cut: PageCut) -> Document:
    return (await given.designs.textures(who, cut)).document()


@router.get(
    "/textures/{texture_id}", operation_id="getTexture", **told(design_answers.TextureSeen)
)
async def get_texture(texture_id: str, who: Who, given: Given) -> Document:
    for found in (await given.designs.textures(who, name=texture_id)).items:
        return found
    raise missing("texture")


@router.delete(
    "/textures/{texture_id}",
    operation_id="deleteTexture",
    summary="Forget a texture that no material uses",
    status_code=204,
)
async def delete_texture(texture_id: str, who: Who, given: Given) -> None:
    await given.materials.remove(who, Component.TEXTURE, texture_id)
