"""What every route is given: the collaborators, and who asks."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

from fastapi import Depends, Query, Request

from lightmill.api.ports import Analysis, HardwareConfigs
from lightmill.api.ports.designs import Designs, Grants, Materials
from lightmill.api.ports.files import SignedObjects
from lightmill.api.ports.policy import Decisions
from lightmill.api.queries.designs import DesignQueries
from lightmill.api.queries.files import FileQueries
from lightmill.api.queries.frames import FrameQueries
from lightmill.api.queries.hardware import HardwareQueries
from lightmill.api.queries.history import HistoryQueries
from lightmill.api.queries.jobs import JobQueries
from lightmill.api.queries.nodes import NodeQueries
from lightmill.api.queries.outlook import OutlookQueries
from lightmill.api.queries.page import DEFAULT_LIMIT, MOST, Cut
from lightmill.api.queries.policy import PolicyQueries
from lightmill.api.queries.standings import Standings
from lightmill.api.queries.work import WorkQueries
from lightmill.api.use_cases.analyse_scene import AnalyseScene
from lightmill.api.use_cases.change_job import ChangeJob
from lightmill.api.use_cases.clean_up import CleanUp
from lightmill.api.use_cases.collect_garbage import CollectGarbage
from lightmill.api.use_cases.complete_upload import CompleteUpload
from lightmill.api.use_cases.issue_token import IssueToken
from lightmill.api.use_cases.make_bundle import MakeBundle
from lightmill.api.use_cases.make_design import MakeDesign
from lightmill.api.use_cases.make_material import MakeMaterial
from lightmill.api.use_cases.render_thumbnail import RenderThumbnail
from lightmill.api.use_cases.send_in_parts import SendInParts
from lightmill.api.use_cases.serve_attempt import ServeAttempt
from lightmill.api.use_cases.submit_design_job import SubmitDesignJob
from lightmill.api.use_cases.submit_job import SubmitJob
from lightmill.api.use_cases.submit_openjd import SubmitOpenJd
from lightmill.api.use_cases.submit_sweep import SubmitSweep
from lightmill.api.use_cases.survey_farm import SurveyFarm
from lightmill.api.use_cases.unpack_archive import UnpackArchive
from lightmill.api.use_cases.upload_file import CheckHashes, DeleteFile, UploadFile
from lightmill.api.use_cases.verify_file import VerifyFile
from lightmill.api.use_cases.write_script import WriteScript
from lightmill.domain.principal import Principal
from lightmill.runtime.ids import new_id
from lightmill.storage.ports import ObjectStore

FindAnalysis = Callable[[str, str], Awaitable[Analysis | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """Makes URLs of results for clients.

    Attributes:
        seconds: How long they are valid.
        cdn_base: Stands in for scheme and host, if there is a CDN.
    """

    store: ObjectStore
    seconds: int
    cdn_base: str | None = None

    def __call__(self, key: str) -> str:
        """Return a URL that reads the object of that name."""
        url = self.store.sign_get(key, seconds=self.seconds, public=True)
        if self.cdn_base is None:
            return url
        base, parts = urlsplit(self.cdn_base), urlsplit(url)
        path = base.path.rstrip("/") + parts.path
        return urlunsplit((base.scheme, base.netloc, path, parts.query, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """What bounds an upload: `most` bytes, on their way in `folder`."""

    most: int
    folder: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaborators:
    """What the routes stand on; made by the factory."""

    submit_job: SubmitJob
    submit_design_job: SubmitDesignJob
    submit_sweep: SubmitSweep
    submit_openjd: SubmitOpenJd
    change_job: ChangeJob
    clean_up: CleanUp
    make_bundle: MakeBundle
    unpack_archive: UnpackArchive
    make_design: MakeDesign
    make_material: MakeMaterial
    render_thumbnail: RenderThumbnail
    scripts: WriteScript
    design_rows: Designs
    materials: Materials
    grants: Grants
    designs: DesignQueries
    upload_file: UploadFile
    check_hashes: CheckHashes
    delete_file: DeleteFile
    verify_file: VerifyFile
    send_in_parts: SendInParts
    complete_upload: CompleteUpload
    collect_garbage: CollectGarbage
    analyse_scene: AnalyseScene
    serve_attempt: ServeAttempt
    issue_token: IssueToken
    hardware_configs: HardwareConfigs
    decisions: Decisions
    find_analysis: FindAnalysis
    standings: Standings
    jobs: JobQueries
    outlooks: OutlookQueries
    survey_farm: SurveyFarm
    policies: PolicyQueries
    work: WorkQueries
    history: HistoryQueries
    frames: FrameQueries
    nodes: NodeQueries
    files: FileQueries
    hardware: HardwareQueries
    store: ObjectStore
    sign: Signing
    uploads: Uploads
    signed_objects: SignedObjects | None


def _collaborators(request: Request) -> Collaborators:
    given: Collaborators = request.app.state.collaborators
    return given


def _who(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


def _reserved_id(request: Request) -> str:
    """Return the id for what the request makes: the same for the same Idempotency-Key."""
    reserved: str | None = getattr(request.state, "reserved_id", None)
    return reserved or new_id()


def _cut(
    limit: Annotated[int, Query(ge=1, le=MOST)] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> Cut:
    return Cut(limit=limit, after=cursor)


Given = Annotated[Collaborators, Depends(_collaborators)]
Who = Annotated[Principal, Depends(_who)]
ReservedId = Annotated[str, Depends(_reserved_id)]
PageCut = Annotated[Cut, Depends(_cut)]
Document = dict[str, object]
