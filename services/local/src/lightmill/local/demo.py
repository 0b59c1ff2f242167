"""The two-minute look: a scene made, handed in, rendered and shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from rich.console import Console

from lightmill.client import Farm, RefusedError
from lightmill.client.cli.watch import bar, describe
from lightmill.client.models import Job
from lightmill.local.blender import Blender, Picture
from lightmill.local.config import LocalSettings
from lightmill.local.driving import drive, leftovers
from lightmill.local.farm import LocalFarm
from lightmill.local.pictures import (
    open_image,
    require_motion,
    write_contact_sheet,
    write_film,
)

DESIGN = "test-design-1"
_TEST_FRAME = "12"
_TRIES_THAT_FAILED = frozenset({"FAILED", "LOST"})
_CAMERA = {"position": {"x": 2.6, "y": 2.2, "z": 2.6}, "target": {"x": 0, "y": 1.1, "z": 0}}


class DemoFailedError(Exception):
    """The demo did not show what it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What came of it; `farm` and `blender` are seconds for the same frames."""

    frames: int
    stills: int
    retried: int
    farm: float
    blender: float

    def line(self) -> str:
        """Return the last line."""
        return (
            f"demo: ok · {self.frames} frames + {self.stills} still · retried {self.retried} · "
            f"farm/blender {self.farm / self.blender:.2f}"
        )


def show(settings: LocalSettings, blender: Blender, picture: Picture) -> Shown:
    """Run the demo, and return what it measured.

    Raises:
        DemoFailedError: a process is left running.
    """
    console = Console()
    console.print(f"[bold]Scene[/] made by Blender {blender.version}, on its own", highlight=False)
    made = settings.data / "made"
    scene, model = blender.make_scene(made, picture)

    def program(running: LocalFarm) -> tuple[float, int]:
        with Farm(running.url, running.token) as farm:
            return Demo(farm, console, settings.data / "images").run(scene, model, picture)

    console.print(f"[bold]Farm[/] of {settings.nodes} nodes, each {settings.node_cores} core(s)")
    seconds, retried = drive(settings, program)
    left = leftovers(settings)
    if left:
        raise DemoFailedError(f"still running: {'; '.join(left)}")
    console.print("[bold]Farm stopped[/]; no process is left")
    alone = blender.render(scene, settings.data / "alone", picture.frames, settings.machine_cores)
    console.print(
        f"[bold]Time[/] farm {seconds:.1f} s, one Blender process on {settings.machine_cores} "
        f"core(s) {alone:.1f} s",
        highlight=False,
    )
    return Shown(frames=picture.frames, stills=1, retried=retried, farm=seconds, blender=alone)


@dataclass(frozen=True, slots=True)
class Demo:
    """What is shown on a farm that runs; `images` is where the results go."""

    farm: Farm
    console: Console
    images: Path

    def run(self, scene: Path, model: Path, picture: Picture) -> tuple[float, int]:
        """Return the seconds that the frames took, and how many tries failed."""
        self._clear()
        bundle_id = self._hand_in(scene)
        self._look_into(bundle_id, scene.name)
        began = monotonic()
        frames = self.farm.submit(
            name="mill",
            bundle_id=bundle_id,
            scene=scene.name,
            frames=f"1-{picture.frames}",
            test_frames=_TEST_FRAME,
            stop_after_test=True,
        )
        self._watch(frames)
        seconds = monotonic() - began
        still = self._still(model)
        self._watch(still)
        self._bring_home(frames, still)
        return seconds, self._failed_tries(frames) + self._failed_tries(still)

    def _clear(self) -> None:
        """Cancel what an interrupted demo has left on this folder."""
        for job in self.farm.jobs(limit=500):
            if not job.finished:
                self.farm.cancel(job.id)

    def _hand_in(self, scene: Path) -> str:
        first = self.farm.upload_folder(scene.parent)
        again = self.farm.upload_folder(scene.parent)
        total = len(first.assets)
        self._say("Upload", f"{first.uploaded} of {total} files sent, {first.sent} bytes")
        self._say("Upload again", f"{again.uploaded} of {total} files sent")
        if again.uploaded:
            raise DemoFailedError("the second upload sent files that were there")
        return again.bundle_id

    def _look_into(self, bundle_id: str, scene: str) -> None:
        found = self.farm.analyse(bundle_id, scene)
        facts = ", ".join(f"{key} {value}" for key, value in found.scene_info.items())
        self._say("Analysis", facts)
        self._say("Needs", f"{', '.join(found.asset) or 'nothing'}; missing {len(found.missing)}")
        if found.missing:
            raise DemoFailedError(f"the scene misses {found.missing}")

    def _still(self, model: Path) -> str:
        try:
            self.farm.add_design(model, model.name, name="Light mill", design_id=DESIGN)
        except RefusedError as error:
            if error.code != "design-exists":
                raise
        self._say("Still", f"POST /jobs of {DESIGN}")
        return self.farm.render_design(
            DESIGN, userId="test-user-1", camera=_CAMERA, width=480, height=270, samples=16
        )

    def _watch(self, job_id: str) -> None:
        with bar() as progress:
            line = progress.add_task(job_id, total=1.0, what="")

            def tell(job: Job) -> None:
                progress.update(
                    line, completed=job.progress, description=job.name, what=describe(job)
                )

            self.farm.wait(job_id, tell, step=0.1)

    def _bring_home(self, frames: str, still: str) -> None:
        files = self.farm.download(frames, self.images)
        image = self.images / "still.png"
        self.farm.save_url(self.farm.design_job(still).result_url or "", image)
        open_image(image)
        require_motion(files)
        self._present(files, image)

    def _present(self, files: Sequence[Path], still: Path) -> None:
        sheet, film = self.images / "contact-sheet.png", self.images / "mill.mp4"
        write_contact_sheet([*files, still], sheet)
        self._say("Images", f"{self.images} ({len(files)} frames and still.png)")
        self._say("Contact sheet", str(sheet))
        if write_film(self.images, film):
            self._say("Film", str(film))

    def _failed_tries(self, job_id: str) -> int:
        return sum(one.state in _TRIES_THAT_FAILED for one in self.farm.attempts(job_id))

    def _say(self, what: str, text: str) -> None:
        self.console.print(f"[bold]{what}[/] ", end="")
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)
