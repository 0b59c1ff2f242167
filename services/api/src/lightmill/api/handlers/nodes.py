"""Render machines: who is there, how one enrols, and what it fetches for its attempts."""

from fastapi import APIRouter

from lightmill.api.core.bodies import NodeBody, UploadNamesBody
from lightmill.api.core.problem import missing
from lightmill.api.handlers import answers, stock_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Collaborators, Document, Given, PageCut, Who
from lightmill.api.ports.policy import NodeAction
from lightmill.domain.principal import Principal

router = APIRouter(prefix="/api/v1/nodes", tags=["nodes"])
attempt_router = APIRouter(prefix="/api/v1/attempts", tags=["for nodes"])


@router.get(
    "",
    operation_id="listNodes",
    summary="The farm's render machines",
    **told(answers.Page[stock_answers.NodeSeen]),
)
async def list_nodes(who: Who, given: Given, cut: PageCut) -> Document:  # noqa: ARG001  # see Who
    return (await given.nodes.listed(cut)).document()


@router.post(
    "/enrol",
    operation_id="enrolNode",
    summary="Make a node known; with an enrolment token",
    **told(stock_answers.NodeMade, 201),
)
async def enrol(body: NodeBody, who: Who, given: Given) -> Document:  # noqa: ARG001  # the node says its name in its reports
    node_id, made = await given.issue_token.enrol(who)
    return {"node_id": node_id, "token": made.token}


@router.get("/{node_id}", operation_id="getNode", **told(stock_answers.NodeSeen))
async def get(node_id: str, who: Who, given: Given) -> Document:  # noqa: ARG001  # see Who
    found = await given.nodes.find(node_id)
    if found is None:
        raise missing("node")
    return found


async def _wish(
    given: Collaborators, who: Principal, node_id: str, action: NodeAction
) -> Document:
    if await given.nodes.find(node_id) is None:
        raise missing("node")
    await given.decisions.wish(who, node_id, action)
    return {"id": node_id, "accepted": action.value}


@router.post(
    "/{node_id}/drain",
    operation_id="drainNode",
    summary="Give it nothing more; what it renders, it finishes",
    **told(answers.Accepted, 202),
)
async def drain(node_id: str, who: Who, given: Given) -> Document:
    return await _wish(given, who, node_id, NodeAction.DRAIN)


@router.post(
    "/{node_id}/resume",
    operation_id="resumeNode",
    summary="Give it work again",
    **told(answers.Accepted, 202),
)
async def resume(node_id: str, who: Who, given: Given) -> Document:
    return await _wish(given, who, node_id, NodeAction.RESUME)


@router.post(
    "/{node_id}/disable",
    operation_id="disableNode",
    summary="Give it nothing until somebody resumes it",
    **told(answers.Accepted, 202),
)
async def disable(node_id: str, who: Who, given: Given) -> Document:
    return await _wish(given, who, node_id, NodeAction.DISABLE)


@router.post(
    "/{node_id}/forgive",
    operation_id="forgiveNode",
    summary="Forget its failures: its quarantine ends",
    **told(answers.Accepted, 202),
)
async def forgive(node_id: str, who: Who, given: Given) -> Document:
    return await _wish(given, who, node_id, NodeAction.FORGIVE)


@attempt_router.get(
    "/{attempt_id}/bundle",
    operation_id="getAttemptBundle",
    summary="The files of an attempt, with URLs that read them; with a node's token",
    **told(stock_answers.AttemptBundle),
)
async def bundle(attempt_id: str, who: Who, given: Given) -> Document:
    return await given.serve_attempt.bundle(who, attempt_id)


@attempt_router.post(
    "/{attempt_id}/upload-urls",
    operation_id="signUploads",
    summary="URLs that store files of an attempt; with a node's token",
    **told(stock_answers.UploadUrls),
)
async def upload_urls(attempt_id: str, body: UploadNamesBody, who: Who, given: Given) -> Document:
    return await given.serve_attempt.upload_urls(who, attempt_id, body.names)
