"""What is found in the content store stays there until it is linked."""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path

from node_twins import Farm, assignment, until
from typing_extensions import override

from lightmill.render_node.adapters.contents import FolderContents
from lightmill.render_node.adapters.workspaces import FolderWorkspaces
from lightmill.render_node.ports import JobFolder
from lightmill.render_node.use_cases.fetch_bundle import FetchBundle


class SlowStore(FolderContents):
    """A content store that takes its time over deleting."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.trims = threading.Event()
        self.may_trim = threading.Event()
        self.trimmed = threading.Event()

    @override
    def trim(self, ceiling: int) -> None:
        self.trims.set()
        self.may_trim.wait(25)
        super().trim(ceiling)
        self.trimmed.set()


class SlowWorkspaces(FolderWorkspaces):
    """Links the second job's files only after the store was trimmed."""

    def __init__(self, root: Path, store: SlowStore) -> None:
        super().__init__(root)
        self._store = store

    @override
    def assemble(self, job: JobFolder, bundle_id: str | None, files: Mapping[str, Path]) -> Path:
        if job.job_id == "second":
            self._store.trimmed.wait(25)
        return super().assemble(job, bundle_id, files)


async def test_what_one_job_has_found_is_not_deleted_after_another(tmp_path: Path) -> None:
    farm = Farm()
    farm.bundles = {"a": {"x.png": b"x"}, "b": {"y.png": b"x"}}
    store = SlowStore(tmp_path / "store")
    fetch = FetchBundle(
        api=farm,
        transfers=farm,
        contents=store,
        workspaces=SlowWorkspaces(tmp_path / "workspace", store),
        ceiling=0,
        disk_floor=0,
    )
    first = asyncio.create_task(fetch(assignment("a", job="first", bundle_id="1")))
    await until(store.trims.is_set)
    second = asyncio.create_task(fetch(assignment("b", job="second", bundle_id="2")))
    await asyncio.wait([second], timeout=0.1)  # as far as it comes
    store.may_trim.set()
    folders = await asyncio.gather(first, second)
    assert [[path.read_bytes() for path in folder.iterdir()] for folder in folders] == [[b"x"]] * 2
