"""Tokens of the tenant, for its admins."""

from fastapi import APIRouter, Response

from lightmill.api.core.bodies import TokenBody
from lightmill.api.handlers import answers, stock_answers
from lightmill.api.handlers.answers import told
from lightmill.api.handlers.given import Document, Given, PageCut, Who

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])


@router.post(
    "",
    operation_id="makeToken",
    summary="The secret is shown once",
    **told(stock_answers.TokenMade, 201),
)
async def make(body: TokenBody, who: Who, given: Given, response: Response) -> Document:
    made = await given.issue_token(who, body)
    response.headers["Cache-Control"] = "no-store"
    return {"token_id": made.id, "token": made.token}


@router.get(
    "",
    operation_id="listTokens",
    summary="Without their secrets",
    **told(answers.Page[stock_answers.TokenSeen]),
)
async def list_tokens(who: Who, given: Given, cut: PageCut) -> Document:
    return (await given.files.tokens(who.tenant_id, cut)).document()


@router.delete("/{token_id}", status_code=204, operation_id="revokeToken")
async def revoke(token_id: str, who: Who, given: Given) -> None:
    await given.issue_token.revoke(who, token_id)
