"""How soon a killed engine is gone, and what a node itself takes of a core while one renders.

Killing: Blender, shut in, in the middle of a frame, from the call that closes it until no process
carries its mark. Processor: the node's own process, without the engine's, while that is in the
middle of a long frame; api, scheduler and node are processes as the product starts them, on real
MySQL, RabbitMQ, Redis and S3.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil

from lightmill.client import Farm
from lightmill.domain.job import Work
from lightmill.domain.resources import GIB
from lightmill.local.blender import Picture, installed_blender
from lightmill.render_node.engines import process_tree
from lightmill.render_node.engines.blender import BpyModule
from lightmill.render_node.engines.leftovers import mark_of
from lightmill.render_node.engines.renderers import InstalledRenderers
from lightmill.render_node.ports import Launch
from lightmill.testing.ports import free_ports
from lightmill.testing.processes import ProcessFarm, Service, process_farm, servers

ROUNDS, WATCHED_S, PATIENCE_S = 10, 10.0, 120.0
_LONG = Picture(width=640, height=360, samples=4096, frames=1)
_LONGER = Picture(width=1280, height=720, samples=4096, frames=1)


def run() -> dict[str, object]:
    """Return the figures."""
    blender = installed_blender()
    if blender is None:
        raise SystemExit("no Blender: `lightmill-node engines install blender`")
    with tempfile.TemporaryDirectory(prefix="lightmill-bench-") as name:
        folder = Path(name)
        scene, _ = blender.make_scene(folder / "long", _LONG)
        rounds = [folder / f"{number}" for number in range(ROUNDS)]
        for each in rounds:
            each.mkdir()
        gone = [asyncio.run(_gone(each, scene)) for each in rounds]
        with servers() as on, process_farm(on, folder) as farm:
            longer, _ = blender.make_scene(folder / "longer", _LONGER)
            share = _share(farm, longer)
    return {
        "gone_p50_s": round(median(gone), 3),
        "gone_max_s": round(max(gone), 3),
        "processor_share": round(share, 4),
        "versions": {"blender": blender.version},
    }


async def _gone(folder: Path, scene: Path) -> float:
    """Return seconds from the kill until nothing of the engine is left."""
    renderer = await InstalledRenderers(folder, engines=[BpyModule()]).open(_launch(folder, scene))
    midway = asyncio.Event()
    output = folder / "0001.png"
    rendering = asyncio.create_task(renderer.render(1, output, lambda _: midway.set()))
    async with asyncio.timeout(PATIENCE_S):
        await midway.wait()
    if not process_tree.marked(mark_of(folder)):
        raise SystemExit("the engine's processes are not found by their mark")
    began = time.monotonic()
    rendering.cancel()
    await renderer.close()
    if left := process_tree.marked(mark_of(folder)):
        raise SystemExit(f"still there: {left}")
    took = time.monotonic() - began
    await asyncio.gather(rendering, return_exceptions=True)
    return took


def _launch(folder: Path, scene: Path) -> Launch:
    return Launch(
        step_id="bench",
        work=Work(engine="blender", scene=scene.name),
        project=scene.parent,
        scratch=folder,
        cores=1,
        ram=2 * GIB,
        gpus=(),
        log=folder / "log.txt",
    )


def _share(running: ProcessFarm, scene: Path) -> float:
    """Return the share of a core that a node takes whose engine is busy."""
    node = _node(running)
    with Farm(running.url, running.token) as farm:
        bundle_id = farm.upload_folder(scene.parent).bundle_id
        job_id = farm.submit(name="long", bundle_id=bundle_id, scene=scene.name, frames="1")
        while farm.job(job_id).progress == 0:
            time.sleep(0.2)
        process = psutil.Process(node.process.pid)
        began, used = time.monotonic(), _used(process)
        time.sleep(WATCHED_S)
        share = (_used(process) - used) / (time.monotonic() - began)
        if (job := farm.job(job_id)).finished:
            errors = [attempt.detail for attempt in farm.attempts(job_id)]
            raise SystemExit(f"the long frame ended too soon: {job.state} {errors}")
        farm.cancel(job_id)
    return share


def _node(farm: ProcessFarm) -> Service:
    """Start a farm and return its only node, which is ready."""
    scheduler_port, node_port = free_ports(2)
    api = farm.start("api", "api")
    scheduler = farm.start("scheduler", "scheduler", health_port=scheduler_port)
    farm.await_api(api)
    farm.await_health(scheduler, scheduler_port)
    node = farm.start("node", "node", node_cores=1, node_health_port=node_port)
    farm.await_health(node, node_port)
    return node


def _used(process: psutil.Process) -> float:
    """Return seconds of processor time, of the process alone."""
    times = process.cpu_times()
    return times.user + times.system
