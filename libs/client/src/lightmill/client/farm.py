"""A farm, as Python sees it."""

import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import TypeAdapter

from lightmill.client.designs import Designs
from lightmill.client.downloads import save_all
from lightmill.client.errors import JobFailedError, RefusedError
from lightmill.client.job_bundle import job_bundle
from lightmill.client.known_hashes import KnownHashes
from lightmill.client.models import (
    Analysis,
    Answer,
    Attempt,
    Bundle,
    DesignJob,
    Job,
    Node,
    Outlook,
    Result,
)
from lightmill.client.transport import Call, Transport
from lightmill.client.uploads import OnUpload, deliver, make_bundle

Item = TypeVar("Item", bound=Answer)
OnProgress = Callable[[Job], None]

_PAGE = 500
_STEP = 0.5
_ID = TypeAdapter(dict[str, Any])


class Farm:
    """One farm, one token. Blocking; close it, or use it as a context manager.

    Every call may raise RefusedError (the farm says no, and why) or FarmUnreachableError.

    Args:
        url: Address of the farm, such as http://localhost:3000.
        token: What `lightmill login` was given.
        transport: What carries the requests, when it is not to be made of url and token.
        pause: Waits for so many seconds.
        cache: Folder for the hashes of files that do not change; None: each is read each time.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        transport: Transport | None = None,
        pause: Callable[[float], None] = time.sleep,
        cache: Path | None = None,
    ) -> None:
        self._transport = transport or Transport(url, token, pause=pause)
        self._known = None if cache is None else KnownHashes(cache / "hashes.sqlite")
        self._pause = pause
        self.designs = Designs(self._transport, lambda: self._known)
        """Designs in their versions, materials, textures, and who may use them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def upload_folder(self, root: Path, on_upload: OnUpload | None = None) -> Bundle:
        """Hand in a folder, or a single file; only what the farm lacks is sent.

        A large file that was not sent to its end goes on from there.
        """
        delivery = deliver(self._transport, root, on_upload, self._known)
        return make_bundle(self._transport, delivery)

    def upload_archive(self, archive: Path) -> str:
        """Hand in a zip or tar, and have it unpacked; returns the id of the bundle.

        Waits as long as that takes.
        """
        (asset_id,) = deliver(self._transport, archive, known=self._known).assets.values()
        while True:
            answer = self._post("/api/v1/bundles/unpackings", {"archive": asset_id})
            found = _ID.validate_python(answer)
            if "bundle_id" in found:
                return str(found["bundle_id"])
            self._pause(_STEP)

    def verify_file(self, asset_id: int) -> bool:
        """Return whether a file is still what it was; one that is not is to be sent again."""
        answer = _ID.validate_python(self._post(f"/api/v1/files/{asset_id}/verify"))
        return bool(answer["intact"])

    def analyse(self, bundle_id: str, scene: str) -> Analysis:
        """Return what stands in a scene of a bundle, and what it misses.

        Waits as long as that takes.
        """
        body = {"scene_file": scene, "bundle": bundle_id}
        while True:
            answer = _ID.validate_python(self._post("/api/scene/analyse", body))
            if "scene_info" in answer:
                return Analysis.model_validate(answer)
            self._pause(_STEP)

    def submit(  # noqa: PLR0913  # each is a plain choice of the caller
        self,
        *,
        name: str,
        frames: str,
        bundle_id: str | None = None,
        scene: str | None = None,
        engine: str = "blender",
        test_frames: str | None = None,
        stop_after_test: bool = False,
        priority: int = 1,
        needs: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        **more: object,
    ) -> str:
        """Hand in frames of a scene; returns the job's id.

        Args:
            name: For people.
            frames: Such as `1-24`, `1-100x10`, `3,5-10`.
            bundle_id: From `upload_folder`.
            scene: Path of the scene inside the bundle.
            engine: What renders it.
            test_frames: Rendered before the others.
            stop_after_test: Whether a failed test frame keeps the others from being rendered.
            priority: 0 to 100, higher first.
            needs: Of each task: cores, ram (bytes), gpus; without it, a machine for itself.
            settings: Of the engine: width, height, samples, format …
            more: Further fields of the job's body: order, approval, after, limits, deadline,
                failure_budget, chunk, pool, retry, time_limits; tiles ("2x2"), film ("mp4"),
                fps, contact_sheet …
        """
        body: dict[str, object] = {
            "name": name,
            "engine": engine,
            "bundle_id": bundle_id,
            "scene": scene,
            "frames": frames,
            "test_frames": test_frames,
            "stop_after_test": stop_after_test,
            "priority": priority,
            "needs": dict(needs or {}),
            "settings": dict(settings or {}),
            **more,
        }
        return _id(self._post("/api/v1/jobs", body), "id")

    def submit_openjd(
        self, folder: Path, parameters: Mapping[str, str] | None = None, **more: object
    ) -> str:
        """Hand in an Open Job Description job bundle; returns the job's id.

        Paths of this machine below the folder may stand in the parameters.

        Args:
            folder: Has a `template.yaml` or `template.json`, and all files that the job needs.
            parameters: Values of the job's parameters; over those in `parameter_values.yaml`.
            more: Further fields of the job's body: format, priority, pool, needs …

        Raises:
            BundleError: the folder has no template.
        """
        body = {
            **job_bundle(folder),
            "parameters": dict(parameters or {}),
            "bundle_id": self.upload_folder(folder).bundle_id,
            **more,
        }
        return _id(self._post("/api/v1/openjd-jobs", body), "id")

    def jobs(self, *, limit: int = 50, **filters: str) -> list[Job]:
        """Return the newest jobs; filters are state, user_label, kind, pool."""
        return list(self._listed("/api/v1/jobs", Job, limit=limit, **filters))

    def job(self, job_id: str) -> Job:
        """Return a job as it stands."""
        return Job.model_validate(self._get(f"/api/v1/jobs/{job_id}"))

    def wait(
        self, job_id: str, on_progress: OnProgress | None = None, *, step: float = _STEP
    ) -> Job:
        """Return the job when it is finished, having told of it every `step` seconds.

        Raises:
            JobFailedError: it has FAILED or was cancelled.
        """
        while True:
            job = self.job(job_id)
            if on_progress is not None:
                on_progress(job)
            if job.finished:
                break
            self._pause(step)
        if job.state != "COMPLETED":
            raise JobFailedError(job_id, job.state, job.error)
        return job

    def results(self, job_id: str, *, step: str | None = None) -> list[Result]:
        """Return the finished images of a job, by frame; of one step, where it is named.

        Tiles are left out unless their step, `tiles`, is named.
        """
        path = f"/api/v1/jobs/{job_id}/results"
        if step is None:
            return list(self._listed(path, Result))
        return list(self._listed(path, Result, step=step))

    def attempts(self, job_id: str) -> list[Attempt]:
        """Return every try of every task of a job, the oldest first."""
        return list(self._listed(f"/api/v1/jobs/{job_id}/attempts", Attempt))

    def log(self, job_id: str, attempt_id: str) -> str:
        """Return what the engine has printed in an attempt, up to some seconds ago.

        Raises:
            RefusedError: 404: nothing of it is stored.
        """
        return self._transport.text(f"/api/v1/jobs/{job_id}/attempts/{attempt_id}/log")

    def follow_log(self, job_id: str, attempt_id: str, *, step: float = _STEP) -> Iterator[str]:
        """Yield what the engine prints in an attempt as it becomes known, until the attempt ends.

        Of output beyond what is kept of an attempt, the end is yielded anew.
        """
        shown = ""
        while True:
            ended = any(one.id == attempt_id and one.ended_at for one in self.attempts(job_id))
            text = self._log_so_far(job_id, attempt_id)
            if text != shown:
                yield text.removeprefix(shown)
                shown = text
            if ended:
                return
            self._pause(step)

    def download(self, job_id: str, folder: Path) -> list[Path]:
        """Write the images of a job to `folder` as `0001.png` …; those there already stay.

        Its film is `film.mp4` there, and its contact sheet `contact-sheet.png`. Where steps of
        the job have images of one name, each has a folder of its own.

        Raises:
            ContentMismatchError: what arrived is not what was rendered.
        """
        return save_all(self._transport, self.results(job_id), folder)

    def cancel(self, job_id: str) -> None:
        """Stop a job; its finished frames stay."""
        self._post(f"/api/v1/jobs/{job_id}/cancel")

    def pause(self, job_id: str) -> None:
        """Hand out nothing more of a job; running frames finish."""
        self._post(f"/api/v1/jobs/{job_id}/pause")

    def resume(self, job_id: str) -> None:
        """Go on with a paused job."""
        self._post(f"/api/v1/jobs/{job_id}/resume")

    def approve(self, job_id: str) -> None:
        """Release the steps of a job that wait for a person."""
        self._post(f"/api/v1/jobs/{job_id}/approve")

    def waiting(self, job_id: str) -> Outlook:
        """Return why a job is not being rendered, and when it will have ended."""
        return Outlook.model_validate(self._get(f"/api/v1/jobs/{job_id}/waiting"))

    def retry(self, job_id: str) -> None:
        """Try the failed frames of a job again."""
        self._post(f"/api/v1/jobs/{job_id}/retry")

    def nodes(self) -> list[Node]:
        """Return the render machines."""
        return list(self._listed("/api/v1/nodes", Node))

    def drain(self, node_id: str) -> None:
        """Give a node nothing more; what it renders, it finishes. Takes an admin's token."""
        self._post(f"/api/v1/nodes/{node_id}/drain")

    def disable(self, node_id: str) -> None:
        """Give a node nothing until somebody enables it. Takes an admin's token."""
        self._post(f"/api/v1/nodes/{node_id}/disable")

    def enable(self, node_id: str) -> None:
        """Give a node work again. Takes an admin's token."""
        self._post(f"/api/v1/nodes/{node_id}/resume")

    def forgive(self, node_id: str) -> None:
        """Forget a node's failures: its quarantine ends. Takes an admin's token."""
        self._post(f"/api/v1/nodes/{node_id}/forgive")

    def add_design(
        self, root: Path, model: str, *, name: str, design_id: str | None = None, **more: object
    ) -> str:
        """Hand in a model with its materials; returns the design's id.

        Args:
            root: Folder of the model, or the model itself.
            model: Path of the model inside the folder.
            name: For people.
            design_id: An id of one's own choosing.
            more: Further fields of the design's body: materials, engine, thumbnail …
        """
        return self.designs.add(root, model, name=name, design_id=design_id, **more)

    def render_design(self, design_id: str, **more: object) -> str:
        """Ask for a still of a design; returns the job's id.

        Args:
            design_id: Which.
            more: Further fields of the body: userId, camera, version, turntable, ground, lights,
                width, height, samples, format …
        """
        return _id(self._post("/jobs", {"designId": design_id, **more}), "jobId")

    def design_job(self, job_id: str) -> DesignJob:
        """Return a still as it stands, with the URL of its image once there is one."""
        answer = _ID.validate_python(self._get(f"/jobs/{job_id}"))
        return DesignJob.model_validate({"jobId": job_id, **answer})

    def save_url(self, url: str, target: Path) -> None:
        """Write what a signed URL holds to `target`, whole or not at all."""
        self._transport.fetch(url, target)

    def _log_so_far(self, job_id: str, attempt_id: str) -> str:
        try:
            return self.log(job_id, attempt_id)
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return ""

    def _get(self, path: str, **params: str | int) -> object:
        return self._transport.send(Call(method="GET", path=path, params=params))

    def _post(self, path: str, body: object = None) -> object:
        return self._transport.send(Call(method="POST", path=path, body=body))

    def _listed(
        self, path: str, kind: type[Item], *, limit: int | None = None, **params: str
    ) -> Iterator[Item]:
        """Yield the items of a list, page by page, up to `limit`."""
        left, page = limit, dict(params)
        while left is None or left > 0:
            size = _PAGE if left is None else min(left, _PAGE)
            answer = _ID.validate_python(self._get(path, **page, limit=size))
            yield from map(kind.model_validate, answer["items"])
            if left is not None:
                left -= len(answer["items"])
            if answer.get("next") is None:
                return
            page["cursor"] = answer["next"]


def _id(answer: object, name: str) -> str:
    return str(_ID.validate_python(answer)[name])
