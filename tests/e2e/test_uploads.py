"""A large file into a farm on real MySQL and SeaweedFS: killed, cut off, damaged, and still whole.

The client is the `lightmill` command in a process of its own; what it sends to the object store
goes over a cable that the test holds.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from tests.e2e.cable import Cable, cable

from lightmill.client import Farm
from lightmill.client.cli.exits import Exit
from lightmill.client.hashing import content_of
from lightmill.testing.processes import ProcessFarm, process_farm, servers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
MIB = 2**20
PART = 16 * MIB
SIZES = [
    pytest.param(11 * PART + 5, marks=pytest.mark.e2e, id="twelve parts"),
    pytest.param(2**30, marks=pytest.mark.chaos, id="a gibibyte"),
]


@dataclass(frozen=True, slots=True)
class Site:
    """A farm, and the cable to its object store."""

    farm: ProcessFarm
    cable: Cable
    folder: Path

    def file(self, name: str, size: int) -> Path:
        """Return a new file that no farm has seen."""
        file = self.folder / name
        with file.open("wb") as content:
            for start in range(0, size, MIB):
                content.write(os.urandom(min(MIB, size - start)))
        return file

    def upload(self, file: Path) -> "subprocess.Popen[str]":
        """Start the command."""
        settings = {"LIGHTMILL_URL": self.farm.url, "LIGHTMILL_TOKEN": self.farm.token}
        settings |= {"HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
        return subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-m", "lightmill.client", "upload", str(file)],
            env=settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lacking(self, file: Path) -> list[int]:
        """Return the parts of the file that the farm has not got."""
        content = content_of(file)
        body = {"blake3": content.blake3, "size": content.size, "path": file.name}
        headers = {"Authorization": f"Bearer {self.farm.token}"}
        answer = httpx2.post(f"{self.farm.url}/api/v1/uploads", json=body, headers=headers)
        lacking: list[int] = answer.raise_for_status().json()["lacking"]
        return lacking

    def is_whole(self, file: Path) -> bool:
        """Tell whether the farm has the file, byte for byte."""
        with Farm(self.farm.url, self.farm.token) as client:
            bundle = client.upload_folder(file)
            return bundle.uploaded == 0 and client.verify_file(bundle.assets[file.name])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with servers() as on, process_farm(on, folder) as farm:
        store = urlsplit(on.s3.endpoint)
        with cable(str(store.hostname), int(store.port or 80)) as laid:
            public = f"http://127.0.0.1:{laid.port}"
            farm.await_api(farm.start("api", "api", s3_public_endpoint=public))
            yield Site(farm, laid, folder)


@pytest.mark.parametrize("size", SIZES)
def test_an_upload_that_was_killed_half_way_goes_on_from_there(site: Site, size: int) -> None:
    file = site.file("killed.abc", size)
    site.cable.hold_after(size // 2)
    command = site.upload(file)
    assert site.cable.full.wait(600), "it never came half-way"
    command.kill()
    command.communicate()
    site.cable.await_end()
    site.cable.mend()
    count, lacking = -(-size // PART), site.lacking(file)
    arrived = count - len(lacking)
    assert 0 < arrived < count
    again = site.upload(file)
    _, told = again.communicate(timeout=1200)
    assert again.returncode == Exit.OK, told
    sent = site.cable.carried
    assert sent < len(lacking) * (PART + MIB), f"{arrived} of {count} parts had arrived"
    assert site.is_whole(file)


@pytest.mark.parametrize("size", SIZES)
def test_a_store_that_goes_down_is_told_and_the_same_command_goes_on(
    site: Site, size: int
) -> None:
    file = site.file("cut.abc", size)
    site.cable.cut_after(size // 2)
    command = site.upload(file)
    _, told = command.communicate(timeout=600)
    assert command.returncode == Exit.UNREACHABLE, told
    assert "parts have arrived: run the same command again and it goes on from there" in told
    site.cable.mend()
    lacking = site.lacking(file)
    assert len(lacking) < -(-size // PART), told
    again = site.upload(file)
    _, told = again.communicate(timeout=1200)
    assert again.returncode == Exit.OK, told
    assert site.cable.carried < len(lacking) * (PART + MIB)
    assert site.is_whole(file)


@pytest.mark.parametrize("size", SIZES)
def test_a_byte_that_flips_on_the_way_is_found(site: Site, size: int) -> None:
    file = site.file("flipped.abc", size)
    site.cable.flip_after(size // 2)
    command = site.upload(file)
    _, told = command.communicate(timeout=1200)
    assert command.returncode == Exit.REFUSED, told
    assert "damaged on its way; nothing was kept: hand it in again" in told
    again = site.upload(file)
    _, told = again.communicate(timeout=1200)
    assert again.returncode == Exit.OK, told
    assert site.is_whole(file)
