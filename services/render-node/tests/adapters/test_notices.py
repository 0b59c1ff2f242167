"""How clouds announce that a machine goes, against servers that answer as theirs do."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from lightmill.render_node.adapters.notices import (
    AwsNotices,
    FileNotices,
    GoogleNotices,
    NoNotices,
    notices_from,
)
from lightmill.runtime.clock import SystemClock

Answer = Callable[[str, str, dict[str, str]], tuple[int, str]]
_ACTION = "/latest/meta-data/spot/instance-action"


class Noon(SystemClock):
    @override
    def now(self) -> datetime:
        return datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@contextmanager
def metadata(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body = answer(self.command, self.path, headers)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_PUT = _reply  # noqa: N815  # the names that the server looks for

        @override
        def log_message(self, *words: object) -> None:
            del words

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def aws(action: tuple[int, str]) -> Answer:
    def answer(method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        if (method, path) == ("PUT", "/latest/api/token"):
            return (
                (200, "secret") if headers["x-aws-ec2-metadata-token-ttl-seconds"] else (400, "")
            )
        if headers.get("x-aws-ec2-metadata-token") != "secret":
            return 401, ""
        return action if (method, path) == ("GET", _ACTION) else (404, "")

    return answer


@pytest.mark.parametrize(
    ("action", "left"),
    [
        ((404, "not found"), None),
        ((200, '{"action": "terminate", "time": "2026-11-22T12:02:00Z"}'), 120.0),
        ((200, '{"action": "stop", "time": "2026-11-22T11:00:00Z"}'), 0.0),
        ((200, "{}"), None),
        ((500, ""), None),
    ],
)
async def test_an_instance_action_of_aws_ends_the_machine(
    action: tuple[int, str], left: float | None
) -> None:
    with metadata(aws(action)) as url:
        assert await AwsNotices(Noon(), url)() == left


@pytest.mark.parametrize(("said", "left"), [("FALSE", None), ("TRUE", 30.0)])
async def test_google_says_that_a_machine_is_preempted(said: str, left: float | None) -> None:
    def answer(method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        wanted = ("GET", "/computeMetadata/v1/instance/preempted", "Google")
        asked = (method, path, headers.get("metadata-flavor"))
        return (200, said) if asked == wanted else (403, "")

    with metadata(answer) as url:
        assert await GoogleNotices(url)() == left


async def test_a_metadata_service_that_is_not_there_says_nothing() -> None:
    with metadata(lambda *_: (200, "")) as url:
        pass
    assert await AwsNotices(Noon(), url)() is None
    assert await GoogleNotices(url)() is None


async def test_a_file_says_in_how_many_seconds(tmp_path: Path) -> None:
    file = tmp_path / "leaving"
    assert await FileNotices(file)() is None
    for text, left in (("", 120.0), ("45\n", 45.0), ("soon", 120.0)):
        file.write_text(text)
        assert await FileNotices(file)() == left


async def test_a_file_that_is_still_being_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "leaving"
    file.touch()
    asking = asyncio.create_task(FileNotices(file)())
    await asyncio.sleep(0)  # it has found nothing in it
    file.write_text("45")
    assert await asking == 45.0


def test_the_setting_says_who_is_asked() -> None:
    clock = SystemClock()
    kinds = [type(notices_from(spot, clock)) for spot in ("", "aws", "gcp", "/run/leaving")]
    assert kinds == [NoNotices, AwsNotices, GoogleNotices, FileNotices]
