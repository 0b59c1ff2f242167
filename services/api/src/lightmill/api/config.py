"""The api's settings."""

from pathlib import Path

from pydantic import Field

from lightmill.runtime.settings import Settings


class ApiSettings(Settings):
    """Where the api listens, and what it allows; read from `LIGHTMILL_<FIELD>`.

    Attributes:
        cors_origins: Pages from elsewhere that may call; as JSON, such as `["https://a.example"]`.
        signed_url_seconds: How long a result URL is valid.
        cdn_base: Stands in for scheme and host of result URLs; the CDN must hand the rest on.
        simulated_engine: Whether jobs may ask for the engine that renders nothing.
        trusted_pools: Pools whose jobs may run programs of their own (the engine `command`), as
            JSON, such as `["tools"]`.
        most_sweep: Sub-tasks that a sweep may have; each is a remote render.
        same_design_seconds: How long the same `POST /jobs` answers the first job; 0 for never.
        most_upload_bytes: Largest file.
        collect_seconds: Between two collections of what nobody needs any more; 0 for never.
        upload_check_seconds: How long a call waits while an upload is read back.
        most_body_bytes: Largest body of every other request.
        analysis_seconds: How long a call waits for the analyzer.
        cleanup_seconds: How long a clean-up waits for nodes to tell what they have freed.
        upload_folder: For files on their way to the store; None means the system's.
    """

    host: str = "0.0.0.0"  # noqa: S104  # in a container
    port: int = Field(default=3000, ge=0, le=65535)
    cors_origins: tuple[str, ...] = ()
    signed_url_seconds: int = Field(default=3600, ge=60, le=7 * 86400)
    cdn_base: str | None = None
    simulated_engine: bool = False
    most_sweep: int = Field(default=10_000, ge=1, le=1_000_000)
    trusted_pools: tuple[str, ...] = ()
    same_design_seconds: float = Field(default=300.0, ge=0)
    most_upload_bytes: int = Field(default=64 * 2**30, ge=1)
    collect_seconds: float = Field(default=3600.0, ge=0)
    upload_check_seconds: float = Field(default=20.0, ge=0)
    most_body_bytes: int = Field(default=32 * 2**20, ge=1)
    analysis_seconds: float = Field(default=30.0, ge=0)
    cleanup_seconds: float = Field(default=2.0, ge=0)
    upload_folder: Path | None = None
