"""Each part is harmed while a frame is under way; every frame still arrives, once and right."""

import io
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest
from PIL import Image

from lightmill.client import Farm
from lightmill.client.models import Result
from lightmill.testing.compose import CommandFailedError, ComposeFarm

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]

FRAMES = "1-4"
COUNT = 4
SAMPLES = "160"
EARLIEST, LATEST = 0.2, 0.8
PATIENCE = 240.0
AWAY = 60.0

Value = TypeVar("Value")
Eventually = Callable[[Callable[[], Value], float], Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """Four frames of one engine; `seconds` is what one takes, measured on the quiet farm."""

    request: Mapping[str, object]
    pixels: Mapping[int, bytes]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """One attempt in the middle of a frame, and what was true just before the harm."""

    job: str
    attempt: str
    container: str
    rows: Mapping[str, str]


@dataclass(slots=True)
class Stage:
    """The farm with a shot that is being rendered."""

    farm: ComposeFarm
    client: Farm
    shot: Shot
    eventually: Eventually[object]
    jobs: list[str] = field(default_factory=list)

    def begin(self) -> Blow:
        """Submit the shot; returns when a frame of it is between 20 and 80 % done."""
        self.eventually(self.all_online, 60)
        job = self.client.submit(frames=FRAMES, **self.shot.request)  # type: ignore[arg-type]  # a request as JSON
        self.jobs.append(job)
        row = self.eventually(lambda: self.midway(job), PATIENCE)
        assert isinstance(row, dict)
        leader = self.farm.sql("SELECT epoch FROM leadership")[0]
        name = row["name"]
        container = next(one for one in self.farm.containers("render-node") if one[:12] == name)
        return Blow(job=job, attempt=row["id"], container=container, rows={**row, **leader})

    def midway(self, job: str) -> dict[str, str] | None:
        """Return a running attempt of the job that is a third of its frame along, if any."""
        low, high = self.shot.seconds * EARLIEST, self.shot.seconds * LATEST * 0.75
        rows = self.farm.sql(
            "SELECT a.id, n.name, n.session, a.node_id FROM attempts a JOIN nodes n"
            f" ON n.id = a.node_id WHERE a.job_id = '{job}' AND a.state = 'RUNNING' AND"
            " TIMESTAMPDIFF(MICROSECOND, a.started_at, UTC_TIMESTAMP(6)) / 1e6"
            f" BETWEEN {low} AND {high} ORDER BY a.started_at"
        )
        return rows[0] if rows else None

    def all_online(self) -> bool:
        """Tell whether both nodes are there and idle."""
        online = self.farm.sql("SELECT id FROM nodes WHERE state = 'ONLINE'")
        held = self.farm.sql("SELECT id FROM attempts WHERE state IN ('ASSIGNED', 'RUNNING')")
        return len(online) == len(self.farm.containers("render-node")) == 2 and not held

    def state(self, blow: Blow) -> str:
        """Return the state of the attempt that was under way."""
        return self.farm.sql(f"SELECT state FROM attempts WHERE id = '{blow.attempt}'")[0]["state"]

    def lost(self, blow: Blow) -> bool:
        """Tell whether the attempt is LOST."""
        return self.state(blow) == "LOST"

    def epoch(self) -> int:
        """Return the leader's epoch."""
        return int(self.farm.sql("SELECT epoch FROM leadership")[0]["epoch"])

    def new_session(self, blow: Blow) -> bool:
        """Tell whether the node has begun another session since."""
        node = blow.rows["node_id"]
        row = self.farm.sql(f"SELECT session, state FROM nodes WHERE id = '{node}'")[0]
        return row["session"] != blow.rows["session"] and row["state"] == "ONLINE"

    def online(self, blow: Blow) -> bool:
        """Tell whether the node is there, in its old session or in a new one."""
        node = blow.rows["node_id"]
        return (
            self.farm.sql(f"SELECT state FROM nodes WHERE id = '{node}'")[0]["state"] == "ONLINE"
        )

    def check_delivered(self, job: str) -> None:
        """Fail unless every frame arrived once, with the right pixels, from its own attempt."""
        self.eventually(lambda: self.finished(job), PATIENCE)
        results = self.client.results(job)
        assert sorted(result.frame for result in results) == list(range(1, COUNT + 1))
        kept = self.farm.sql(
            "SELECT r.frame, r.object_key, r.attempt_id, a.state FROM results r"
            f" JOIN attempts a ON a.id = r.attempt_id WHERE r.job_id = '{job}'"
        )
        assert [row["state"] for row in kept] == ["SUCCEEDED"] * COUNT
        assert all(f"/attempts/{row['attempt_id']}/" in row["object_key"] for row in kept)
        keys = {int(row["frame"]): row["object_key"] for row in kept}
        for result in results:
            assert f"/{keys[result.frame]}?" in (result.url or "")
            assert pixels(result) == self.shot.pixels[result.frame]
        running = self.farm.sql(
            f"SELECT id FROM attempts WHERE job_id = '{job}' AND ended_at IS NULL"
        )
        assert running == []

    def finished(self, job: str) -> bool:
        """Tell whether the job has ended well."""
        job_now = self.client.job(job)
        assert job_now.state not in {"FAILED", "CANCELLED"}, job_now.error
        return job_now.state == "COMPLETED"

    def check_nothing_left(self) -> None:
        """Fail unless every engine has gone from the nodes, soon after the last frame."""
        for container in self.farm.containers("render-node"):
            self.eventually(lambda one=container: self.alone(one), 60)  # type: ignore[misc]  # a default binds the loop's value

    def alone(self, container: str) -> bool:
        """Tell whether a container runs its init, the node and at most one waiting shell."""
        listed = self.farm.docker("top", container, "-eo", "pid,stat,args").splitlines()[1:]
        waiting = [line for line in listed if "/bin/sh -c" in line and "/dev/stdin" in line]
        return len(listed) - len(waiting) == 2 and len(waiting) <= 1


def pixels(result: Result) -> bytes:
    answer = httpx2.get(result.url or "")
    answer.raise_for_status()
    with Image.open(io.BytesIO(answer.content)) as image:
        return image.tobytes()


SIMULATED: Mapping[str, object] = {
    "name": "simulated",
    "engine": "simulated",
    "settings": {"seconds": 6, "seed": 7, "width": 160, "height": 90},
}


def reference(client: Farm, request: Mapping[str, object]) -> Shot:
    """What the same frames look like when nothing happens, and how long they take."""
    job = client.submit(frames=FRAMES, **request)  # type: ignore[arg-type]  # a request as JSON
    client.wait(job)
    results = client.results(job)
    return Shot(
        request=request,
        pixels={result.frame: pixels(result) for result in results},
        seconds=statistics.median(result.seconds for result in results),
    )


def plain_render(farm: ComposeFarm, folder: Path) -> dict[int, bytes]:
    """Make a scene in `folder` and render it by one Blender process, in the node's own image."""
    folder.chmod(0o777)  # the image's user is none of ours
    scripts = f"{farm.root}/services/local/src/lightmill/local"
    blender = (
        *("run", "--rm", "--volume", f"{folder}:/out", "--volume", f"{scripts}:/local:ro"),
        *("--volume", f"{farm.root}/tests/e2e:/e2e:ro", "lightmill/render-node"),
        "/opt/share/lightmill/engines/blender-4.5/bin/python",
    )
    farm.docker(*blender, "/local/demo_scene.py", "/out", timeout=300)
    farm.docker(*blender, "/e2e/make_scene.py", "/out/scene/mill.blend", SAMPLES, timeout=300)
    plain = ("/local/plain_render.py", "/out/scene/mill.blend", "/out/plain", "1", str(COUNT), "1")
    farm.docker(*blender, *plain, timeout=600)
    return {frame: opened(folder / f"plain/{frame:04d}.png") for frame in range(1, COUNT + 1)}


def opened(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


def blender_shot(farm: ComposeFarm, client: Farm, folder: Path) -> Shot:
    """The demo's scene, with the pixels of a plain render."""
    plain = plain_render(farm, folder)
    bundle = client.upload_folder(folder / "scene")
    request = {"name": "mill", "bundle_id": bundle.bundle_id, "scene": "mill.blend"}
    quiet = reference(client, request)
    assert quiet.pixels == plain
    return quiet


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("simulated", marks=pytest.mark.chaos),
        pytest.param("blender", marks=pytest.mark.blender),
    ],
)
def shot(
    request: pytest.FixtureRequest, farm: ComposeFarm, tmp_path_factory: pytest.TempPathFactory
) -> Shot:
    with Farm(f"http://{farm.address('proxy', 3000)}", farm.secret("admin_token")) as client:
        if request.param == "simulated":
            shot = reference(client, SIMULATED)
        else:
            shot = blender_shot(farm, client, tmp_path_factory.mktemp("blender"))
    assert shot.seconds >= 5
    return shot


@pytest.fixture
def stage(
    farm: ComposeFarm, client: Farm, shot: Shot, eventually: Eventually[object]
) -> Iterator[Stage]:
    stage = Stage(farm=farm, client=client, shot=shot, eventually=eventually)
    yield stage
    for job in stage.jobs:
        client.cancel(job)


def test_a_node_is_killed(stage: Stage) -> None:
    blow = stage.begin()
    stage.farm.signal(blow.container, "KILL")
    stage.eventually(lambda: stage.lost(blow), 60)
    stage.eventually(lambda: stage.new_session(blow), 60)
    stage.check_delivered(blow.job)
    stage.check_nothing_left()


def test_the_leader_is_killed(stage: Stage) -> None:
    blow = stage.begin()
    stage.farm.signal(stage.farm.containers("scheduler")[0], "KILL")
    stage.eventually(lambda: stage.epoch() > int(blow.rows["epoch"]), 60)
    stage.check_delivered(blow.job)
    assert stage.state(blow) == "SUCCEEDED"  # the node went on: nothing rendered twice
    stage.check_nothing_left()


def test_the_broker_is_restarted_and_its_queues_purged(stage: Stage) -> None:
    blow = stage.begin()
    stage.farm.restart("rabbitmq")
    assert "scheduler.inbox" in stage.farm.purge_queues()
    stage.eventually(lambda: stage.new_session(blow), 90)
    stage.check_delivered(blow.job)
    stage.check_nothing_left()


def test_the_database_is_restarted(stage: Stage) -> None:
    blow = stage.begin()
    before = uptime(stage.farm)
    started = time.monotonic()
    stage.farm.restart("mysql")
    assert uptime(stage.farm) < before + time.monotonic() - started - 1
    stage.eventually(lambda: stage.epoch() > int(blow.rows["epoch"]), 90)
    stage.check_delivered(blow.job)
    stage.check_nothing_left()


def uptime(farm: ComposeFarm) -> float:
    return float(farm.sql("SHOW GLOBAL STATUS LIKE 'Uptime'")[0]["Value"])


def test_the_cache_is_flushed(stage: Stage) -> None:
    blow = stage.begin()
    stage.client.job(blow.job)
    assert int(stage.farm.redis("DBSIZE")) > 0
    # In one transaction, so that nothing can come back between the flush and the count.
    emptied = stage.farm.redis_script("MULTI", "FLUSHALL", "DBSIZE", "EXEC").split()
    assert emptied[-1] == "0"
    assert stage.client.job(blow.job).state == "PROCESSING"
    stage.check_delivered(blow.job)
    assert stage.state(blow) == "SUCCEEDED"
    stage.check_nothing_left()


def test_a_node_is_cut_off_and_comes_back(stage: Stage) -> None:
    blow = stage.begin()
    stage.farm.disconnect(blow.container)
    try:
        stage.eventually(lambda: stage.lost(blow), 90)
    finally:
        stage.farm.connect(blow.container)
    stage.eventually(lambda: stage.online(blow), 120)
    stage.check_delivered(blow.job)
    stage.check_nothing_left()


def test_a_node_sleeps_past_its_lease_and_wakes(stage: Stage) -> None:
    blow = stage.begin()
    stage.farm.signal(blow.container, "STOP")
    try:
        stage.eventually(lambda: stage.lost(blow), 90)
    finally:
        stage.farm.signal(blow.container, "CONT")
    stage.check_delivered(blow.job)
    assert stage.state(blow) == "LOST"  # what it finished in its sleep was not applied
    stage.check_nothing_left()


def test_the_node_s_engine_dies_with_it(stage: Stage) -> None:
    blow = stage.begin()
    before = stage.farm.docker("top", blow.container, "-eo", "pid,args").splitlines()[1:]
    engines = [line.split()[0] for line in before if "driver" in line]
    assert engines, before
    stage.farm.signal(blow.container, "KILL")
    stage.eventually(lambda: stage.lost(blow), 60)
    try:
        after = stage.farm.docker("top", blow.container, "-eo", "pid,args").splitlines()[1:]
    except CommandFailedError:
        after = []  # the container is not up again yet
    assert not {line.split()[0] for line in after} & set(engines)
    stage.check_delivered(blow.job)


@pytest.mark.chaos
def test_a_node_told_to_leave_delivers_what_it_renders(stage: Stage) -> None:
    blow = stage.begin()
    stage.farm.signal(blow.container, "TERM")
    stage.eventually(lambda: stage.state(blow) == "SUCCEEDED", 90)
    stage.eventually(lambda: stage.new_session(blow), 90)
    stage.check_delivered(blow.job)
    stage.check_nothing_left()


@pytest.mark.chaos
def test_the_broker_is_away_for_a_minute(stage: Stage) -> None:
    blow = stage.begin()
    broker = stage.farm.containers("rabbitmq")[0]
    stage.farm.signal(broker, "STOP")
    try:
        time.sleep(AWAY)  # how long it is away is the fault itself
    finally:
        stage.farm.signal(broker, "CONT")
    stage.check_delivered(blow.job)
    stage.check_nothing_left()
