from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from lightmill.client.errors import FarmUnreachableError, RefusedError
from lightmill.client.transport import WAITS, Call, Transport

Answer = Callable[[httpx2.Request], httpx2.Response]


class Wire:
    """Answers from a list, and keeps what was asked."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers: Iterator[httpx2.Response | Exception] = iter(answers)
        self.asked: list[httpx2.Request] = []
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.bodies.append(request.read())
        self.asked.append(request)
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def transport(wire: Wire, waits: list[float] | None = None) -> Transport:
    pause = (waits if waits is not None else []).append
    return Transport("http://farm", "lm_t", pause=pause, wire=httpx2.MockTransport(wire))


def test_a_post_whose_answer_was_lost_is_repeated_under_one_idempotency_key() -> None:
    wire = Wire(httpx2.ReadError("cut"), httpx2.Response(201, json={"id": 1}))
    with transport(wire) as farm:
        assert farm.send(Call(method="POST", path="/x", body={"a": 1})) == {"id": 1}
    first, second = wire.asked
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.headers["Authorization"] == "Bearer lm_t"


def test_a_file_is_sent_whole_at_every_try(tmp_path: Path) -> None:
    file = tmp_path / "wood.png"
    file.write_bytes(b"wood")
    wire = Wire(httpx2.Response(503), httpx2.Response(200, json={}))
    with transport(wire) as farm:
        farm.send(Call(method="POST", path="/up", form={"path": "t/wood.png"}, file=file))
    assert [b"wood" in body and b"t/wood.png" in body for body in wire.bodies] == [True, True]


def test_retry_after_is_kept_to() -> None:
    waits: list[float] = []
    wire = Wire(httpx2.Response(503, headers={"Retry-After": "7"}), httpx2.Response(200))
    with transport(wire, waits) as farm:
        farm.send(Call(method="GET", path="/x"))
    assert waits == [7.0]


def test_a_farm_that_never_answers_is_an_error_that_says_what_to_do() -> None:
    waits: list[float] = []
    wire = Wire(*[httpx2.ConnectError("refused")] * (len(WAITS) + 1))
    with transport(wire, waits) as farm, pytest.raises(FarmUnreachableError, match="check that"):
        farm.send(Call(method="GET", path="/x"))
    assert tuple(waits) == WAITS


def test_a_refusal_carries_the_fields_of_the_problem_document() -> None:
    problem = {
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "the body is not acceptable",
        "code": "invalid-request",
        "errors": [{"pointer": "#/camera/fov", "detail": "1 to 179"}],
    }
    wire = Wire(httpx2.Response(422, json=problem))
    with transport(wire) as farm, pytest.raises(RefusedError) as caught:
        farm.send(Call(method="POST", path="/jobs", body={}))
    assert caught.value.code == "invalid-request"
    assert str(caught.value) == "the body is not acceptable\n  camera/fov: 1 to 179"
    assert len(wire.asked) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]"])
def test_a_refusal_without_a_problem_document_is_still_told(body: bytes) -> None:
    wire = Wire(httpx2.Response(401, content=body))
    with transport(wire) as farm, pytest.raises(RefusedError, match="lightmill login"):
        farm.send(Call(method="GET", path="/x"))


def test_the_token_does_not_go_to_the_store_and_the_file_is_whole_or_absent(
    tmp_path: Path,
) -> None:
    target = tmp_path / "0001.png"
    wire = Wire(httpx2.Response(200, content=b"image"), httpx2.Response(403))
    with transport(wire) as farm:
        farm.fetch("http://store/key?signature=1", target)
        assert target.read_bytes() == b"image"
        with pytest.raises(RefusedError):
            farm.fetch("/objects/other", tmp_path / "0002.png")
    assert "Authorization" not in wire.asked[0].headers
    assert str(wire.asked[1].url) == "http://farm/objects/other"
    assert [path.name for path in tmp_path.iterdir()] == ["0001.png"]


def test_an_address_without_a_scheme_is_told_at_once() -> None:
    with Transport("farm:3000", "t") as farm, pytest.raises(FarmUnreachableError, match="http://"):
        farm.send(Call(method="GET", path="/x"))
