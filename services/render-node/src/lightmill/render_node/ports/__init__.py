"""What the node needs of its engines, of the api, of the object store and of its disk."""

from lightmill.render_node.ports.disk import (
    Contents,
    JobFolder,
    Journal,
    Kept,
    Submission,
    Submissions,
    Workspaces,
)
from lightmill.render_node.ports.engines import (
    Ahead,
    Launch,
    OnProgress,
    RenderedImage,
    Renderer,
    Renderers,
    RenderFailedError,
)
from lightmill.render_node.ports.farm import (
    Api,
    AttemptGoneError,
    BundleFile,
    ContentGoneError,
    Enrolment,
    NodeIdentity,
    NotAdmittedError,
    Transfers,
    UnreachableError,
    UploadUrl,
)
from lightmill.render_node.ports.images import CheckedImage, Images
from lightmill.render_node.ports.surroundings import Notices, Surroundings

__all__ = [
    "Ahead",
    "Api",
    "AttemptGoneError",
    "BundleFile",
    "CheckedImage",
    "ContentGoneError",
    "Contents",
    "Enrolment",
    "Images",
    "JobFolder",
    "Journal",
    "Kept",
    "Launch",
    "NodeIdentity",
    "NotAdmittedError",
    "Notices",
    "OnProgress",
    "RenderFailedError",
    "RenderedImage",
    "Renderer",
    "Renderers",
    "Submission",
    "Submissions",
    "Surroundings",
    "Transfers",
    "UnreachableError",
    "UploadUrl",
    "Workspaces",
]
