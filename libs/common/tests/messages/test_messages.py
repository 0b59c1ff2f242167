"""Messages come back from the wire as they left."""

import pytest
from pydantic import ValidationError

from lightmill.domain.failures import FailureKind
from lightmill.domain.job import Work
from lightmill.domain.resources import Gpu, Offer
from lightmill.domain.results import FrameResult
from lightmill.messages.message import Message
from lightmill.messages.node_report import (
    Finish,
    FreedWorkspace,
    HeldAttempt,
    HeldState,
    NodeReport,
    Outcome,
)
from lightmill.messages.orders import Assignment, Frame, Orders

RESULT = FrameResult(
    ordinal=3,
    frame=-7,
    key="tenants/t/jobs/j/attempts/a/0003.png",
    thumbnail_key=None,
    blake3="ab" * 32,
    size=2**40,
    width=1920,
    height=1080,
    media_type="image/png",
    seconds=0.25,
)
REPORT = NodeReport(
    node_id="n1",
    name="бюро-1",
    session="s1",
    sequence=2**40,
    offer=Offer(cores=8, ram=2**35, gpus=(Gpu(index=0),), engines={"blender": ("4.5.3",)}),
    held=(HeldAttempt(attempt_id="a", state=HeldState.RUNNING, delivered=(RESULT,)),),
    finishes=(Finish(attempt_id="b", outcome=Outcome.FAILED, failure=FailureKind.ENGINE),),
    freed=(FreedWorkspace(job_id="j", bytes=2**40),),
)
ORDERS = Orders(
    epoch=7,
    beat=1.0,
    assign=(
        Assignment(
            attempt_id="a",
            task_id="t",
            step_id="s",
            job_id="j",
            tenant_id="x",
            owner="o",
            work=Work(
                engine="blender",
                scene="a b/c.blend",
                settings={"samples": 4, "range": [1, 2.5], "deep": {"camera": None}},
            ),
            bundle_id=None,
            frames=(Frame(ordinal=0, frame=-1),),
            cores=2,
            ram=1,
        ),
    ),
    cancel=("c",),
    forget_workspaces=(("o", "j"),),
)


@pytest.mark.parametrize("message", [REPORT, ORDERS], ids=lambda m: m.routing_key)
def test_a_message_comes_back_as_it_left(message: Message) -> None:
    assert type(message).model_validate_json(message.body()) == message


def test_what_a_newer_sender_adds_is_dropped() -> None:
    body = ORDERS.body()[:-1] + b',"priority":9}'
    assert Orders.model_validate_json(body) == ORDERS


def test_what_does_not_parse_is_an_error() -> None:
    for body in (b"", b"{}", b"[]", b'{"epoch":"x","beat":1}', b"\xff"):
        with pytest.raises(ValidationError):
            Orders.model_validate_json(body)
