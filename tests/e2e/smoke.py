"""Proves a running farm (`make up`): renders, opens the result, reads a status without SQL.

Prints one line for each thing that holds; ends with an error at the first that does not.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2

from lightmill.client import Farm
from lightmill.testing.compose import ComposeFarm

ROOT = Path(__file__).parents[2]
BLENDER = "/opt/share/lightmill/engines/blender-4.5/bin/python"
READS = 300
PNG = b"\x89PNG\r\n\x1a\n"


class SmokeError(Exception):
    """Something that has to hold does not."""


def require(condition: object, what: str) -> None:
    """Print `what`, which holds.

    Raises:
        SmokeError: it does not.
    """
    if not condition:
        raise SmokeError(what)
    sys.stdout.write(f"smoke: ok: {what}\n")


def running_farm(environment: Mapping[str, str]) -> ComposeFarm:
    """Return the farm that `make up` started."""
    folder = environment.get("LIGHTMILL_SECRETS", "secrets")
    return ComposeFarm(
        root=ROOT,
        environment=environment,
        project=environment.get("COMPOSE_PROJECT_NAME", "lightmill"),
        secrets=ROOT / "deploy/compose" / folder,
    )


def check_nodes(farm: ComposeFarm, client: Farm) -> None:
    """Every node is online and shuts its engines in as it must."""
    least = farm.environment.get("LIGHTMILL_NODE_SANDBOX", "bubblewrap")
    online = [node for node in client.nodes() if node.state == "ONLINE"]
    require(len(online) >= len(farm.containers("render-node")) > 0, f"{len(online)} nodes online")
    levels = {str(node.offer.get("sandbox")) for node in online}
    require(levels == {least}, f"every node shuts engines in by {least}")


def make_scene(farm: ComposeFarm, folder: Path) -> None:
    """Write the demo's scene, by the Blender of the nodes' image."""
    folder.chmod(0o777)  # the image's user is none of ours
    scripts = ROOT / "services/local/src/lightmill/local"
    volumes = ("--volume", f"{folder}:/out", "--volume", f"{scripts}:/local:ro")
    command = (BLENDER, "/local/demo_scene.py", "/out")
    farm.docker("run", "--rm", *volumes, "lightmill/render-node", *command, timeout=300)


def check_walls(farm: ComposeFarm) -> None:
    """An engine of a node reaches neither the broker nor a secret."""
    probe = (ROOT / "tests/e2e/probe.py").read_text()
    for node in farm.containers("render-node"):
        reached = farm.docker("exec", node, "python", "-c", probe).strip()
        require(reached == "alive", f"an engine on {node[:12]} reaches no broker and no secret")


def render(farm: ComposeFarm, client: Farm, folder: Path) -> str:
    """Render three frames of a scene; returns the job."""
    make_scene(farm, folder)
    bundle = client.upload_folder(folder / "scene")
    job = client.submit(
        name="smoke", bundle_id=bundle.bundle_id, scene="mill.blend", frames="1-3", test_frames="2"
    )
    client.wait(job)
    results = client.results(job)
    require([result.frame for result in results] == [1, 2, 3], "3 frames rendered by Blender")
    for result in results:
        image = httpx2.get(result.url or "")
        require(image.content.startswith(PNG), f"frame {result.frame} opens from this machine")
    return job


def render_design(client: Farm) -> None:
    """Render the design that `make up` provides, as a client of seed 000 does."""
    job = client.render_design("test-design-1", userId="smoke", width=320, height=180, samples=8)
    client.wait(job)
    url = client.design_job(job).result_url
    require(url and httpx2.get(url).content.startswith(PNG), "the resultUrl of a design opens")


def statements(farm: ComposeFarm) -> int:
    """Return how many SQL statements the api's account has run."""
    return int(
        farm.sql(
            "SELECT SUM(COUNT_STAR) AS n FROM"
            " performance_schema.events_statements_summary_by_user_by_event_name"
            " WHERE USER = 'lightmill_api' AND EVENT_NAME LIKE 'statement/sql/select'"
        )[0]["n"]
    )


def check_cached_reads(farm: ComposeFarm, url: str, job: str) -> None:
    """Reading a status that is cached asks MySQL nothing."""
    login = {"Authorization": f"Bearer {farm.secret('admin_token')}"}
    with httpx2.Client(base_url=url, headers=login) as http:
        for _ in range(20):  # each replica has seen the token and the job
            http.get(f"/jobs/{job}").raise_for_status()
        before, began = statements(farm), time.monotonic()
        for _ in range(READS):
            http.get(f"/jobs/{job}").raise_for_status()
        ran, seconds = statements(farm) - before, time.monotonic() - began
    before = statements(farm)
    time.sleep(seconds)  # what the apis ask by themselves in as long a time
    alone = statements(farm) - before
    # A statement a read would be READS more; now and then an entry of the cache has expired.
    require(
        ran - alone <= READS / 20,
        f"{READS} status reads in {seconds:.1f} s: {ran} SQL statements, and {alone} without them",
    )


def main() -> None:
    """Check the farm."""
    environment = dict(os.environ)  # noqa: TID251  # for docker, and the farm's own settings
    farm = running_farm(environment)
    url = f"http://{farm.address('proxy', 3000)}"
    with Farm(url, farm.secret("admin_token")) as client, tempfile.TemporaryDirectory() as folder:
        check_nodes(farm, client)
        check_walls(farm)
        job = render(farm, client, Path(folder))
        render_design(client)
        check_cached_reads(farm, url, job)
    said = farm.logs("api", "scheduler", "analyzer", "render-node", "setup")
    require("Traceback (most recent call last)" not in said, "no traceback in the logs")
    sys.stdout.write("smoke: ok\n")


if __name__ == "__main__":
    try:
        main()
    except (SmokeError, subprocess.SubprocessError) as error:
        sys.exit(f"smoke: FAILED: {error}")
