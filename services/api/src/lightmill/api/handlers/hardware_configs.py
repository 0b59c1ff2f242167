"""Hardware profiles (seed 004), each with what is free now."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from lightmill.api.core.bodies import HardwareBody, HardwareChange
from lightmill.api.core.problem import invalid, missing
from lightmill.api.handlers import answers, stock_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Collaborators, Document, Given, PageCut, Who
from lightmill.domain.principal import Principal

router = APIRouter(prefix="/api/v1/hardware-configs", tags=["hardware profiles"])
ConfigId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get(
    "", operation_id="listHardwareConfigs", **told(answers.Page[stock_answers.HardwareSeen])
)
async def list_configs(who: Who, given: Given, cut: PageCut) -> Document:
    return (await given.hardware.listed(who.tenant_id, cut)).document()


@router.post("", operation_id="makeHardwareConfig", **told(stock_answers.HardwareSeen, 201))
async def make(body: HardwareBody, who: Who, given: Given, response: Response) -> Document:
    config_id = await given.hardware_configs.add(who, body.model_dump())
    response.headers["Location"] = f"/api/v1/hardware-configs/{config_id}"
    return await _one(given, who, config_id)


@router.get("/{config_id}", operation_id="getHardwareConfig", **told(stock_answers.HardwareSeen))
async def get(config_id: ConfigId, who: Who, given: Given) -> Document:
    return await _one(given, who, config_id)


@router.patch(
    "/{config_id}", operation_id="changeHardwareConfig", **told(stock_answers.HardwareSeen)
)
async def change(config_id: ConfigId, body: HardwareChange, who: Who, given: Given) -> Document:
    values = body.model_dump(exclude_unset=True)
    for name, value in values.items():
        if value is None:
            raise invalid(name, "cannot be null; leave it out to keep it")
    if not await given.hardware_configs.change(who, config_id, values):
        raise missing("hardware profile")
    return await _one(given, who, config_id)


@router.delete("/{config_id}", status_code=204, operation_id="deleteHardwareConfig")
async def delete(config_id: ConfigId, who: Who, given: Given) -> None:
    if not await given.hardware_configs.remove(who, config_id):
        raise missing("hardware profile")


async def _one(given: Collaborators, who: Principal, config_id: int) -> Document:
    found = await given.hardware.find(who.tenant_id, config_id)
    if found is None:
        raise missing("hardware profile")
    return found
