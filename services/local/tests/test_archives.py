"""A job handed in as one archive, on the farm in one process."""

import asyncio
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from lightmill.client import Farm, RefusedError
from lightmill.local.config import LocalSettings
from lightmill.local.farm import LocalFarm, farm
from lightmill.storage.sql.schema.api import BUNDLES

pytestmark = pytest.mark.slow

FILES = {"scenes/shot.blend": b"BLENDER", "贴图/木头.png": b"png", "again.png": b"png"}
QUICK = {"seconds": 0.05, "width": 32, "height": 18}


def packed(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


async def test_an_archive_becomes_a_bundle_once_and_again(tmp_path: Path) -> None:
    archive = packed(tmp_path / "job.zip", FILES)

    def program(running: LocalFarm) -> list[str]:
        with Farm(running.url, running.token) as one:
            bundles = [one.upload_archive(archive) for _ in range(2)]
            job_id = one.submit(
                name="a",
                engine="simulated",
                bundle_id=bundles[0],
                scene="scenes/shot.blend",
                frames="1-2",
                settings=QUICK,
            )
            assert one.wait(job_id, step=0.05).state == "COMPLETED"
            return bundles

    settings = LocalSettings(data=tmp_path / "farm", nodes=1, port=0, simulated=True)
    async with farm(settings) as running:
        first, second = await asyncio.to_thread(program, running)
        async with running.parts.database.reading() as connection:
            rows = {row.id: row.manifest for row in (await connection.execute(BUNDLES.select()))}
        left = [key async for key in running.parts.store.keys("tenants/") if "/unpacked/" in key]
    assert {entry["path"]: entry["size"] for entry in rows[first]} == {
        path: len(content) for path, content in FILES.items()
    }
    assert rows[first] == rows[second]
    assert len({entry["asset_id"] for entry in rows[first]}) == 2  # two of the files are alike
    assert left == []


async def test_a_hostile_archive_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    archive = packed(tmp_path / "job.zip", {"good.png": b"png", "../evil.png": b"png"})
    (tmp_path / "broken.zip").write_bytes(b"no archive")
    (tmp_path / "plain.txt").write_bytes(b"plain text")

    def program(running: LocalFarm) -> None:
        with Farm(running.url, running.token) as one:
            with pytest.raises(RefusedError, match=r"must not have \. or \.\."):
                one.upload_archive(archive)
            with pytest.raises(RefusedError, match="begins with something else"):
                one.upload_archive(tmp_path / "broken.zip")
            with pytest.raises(RefusedError, match="not analysed yet"):
                one.upload_archive(tmp_path / "plain.txt")

    settings = LocalSettings(data=tmp_path / "farm", nodes=0, port=0)
    async with farm(settings) as running:
        await asyncio.to_thread(program, running)
        async with running.parts.database.reading() as connection:
            assert (await connection.execute(BUNDLES.select())).all() == []
        left = [key async for key in running.parts.store.keys("tenants/") if "/unpacked/" in key]
    assert left == []
