"""contract.md, "Transport"."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest
from services.api.tests.conftest import BASE, Farm
from services.api.tests.http.test_design_jobs import a_design
from services.api.tests.served import serving

from lightmill.api.config import ApiSettings
from lightmill.api.factory import assemble
from lightmill.domain.principal import Role

SEED_000_CURL = """\
curl -X POST {base}/jobs \\
     -H "Authorization: Bearer {token}" \\
     -H "Content-Type: application/json" \\
     -d '{{
       "designId": "test-design-1",
       "userId": "test-user-1",
       "camera": {{
         "position": {{"x": 0, "y": 0, "z": 5}},
         "target": {{"x": 0, "y": 0, "z": 0}},
         "up": {{"x": 0, "y": 1, "z": 0}},
         "fov": 45
       }}
     }}'
"""


def test_the_api_listens_on_3000() -> None:
    assert ApiSettings().port == 3000


async def test_without_a_token_there_is_nothing(farm: Farm) -> None:
    async with farm.client(None) as client:
        for method, path in (("POST", "/jobs"), ("GET", "/jobs/x"), ("POST", "/api/tasks/")):
            assert (await client.request(method, path)).status_code == 401


async def test_no_page_from_elsewhere_may_call_unless_a_setting_names_it(farm: Farm) -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    async with farm.client(None) as client:
        closed = await client.options("/jobs", headers=asked)
    settings = ApiSettings(cors_origins=("https://shop.example",))
    transport = httpx2.ASGITransport(app=assemble(settings, farm.parts).app)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        opened = await client.options("/jobs", headers=asked)
        other = await client.options("/jobs", headers={**asked, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in closed.headers
    assert opened.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_seeds_curl_line_works_with_a_token_added(farm: Farm, tmp_path: Path) -> None:
    await a_design(farm)
    async with serving(farm.parts) as base:
        line = SEED_000_CURL.format(base=base, token=farm.one.tokens[Role.ARTIST])
        script = tmp_path / "line.sh"
        script.write_text(line)
        process = await asyncio.create_subprocess_exec(
            "sh", str(script), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        output, _ = await process.communicate()
    assert output.startswith(b'{"jobId":"')
