"""The analyzer's settings."""

from pathlib import Path

from lightmill.runtime.settings import Settings

_GIB = 2**30


class AnalyzerSettings(Settings):
    """What can be set of an analyzer.

    Attributes:
        analysis_seconds: What reading one scene may take.
        analysis_memory: Likewise, in bytes.
        analysis_size: Bytes of scene files and libraries that are fetched for one request; also
            what compressed ones may unpack to.
        analyses_at_once: Scenes that are read at the same time.
        analysis_sweep: Seconds between two looks for requests that the queue has lost.
        analysis_scratch: Folder for the files while they are read; None means the system's.
        analysis_sandbox: Whether to refuse to start where bubblewrap cannot be used.
        analysis_maya: Folder of a Maya, such as `/usr/autodesk/maya2025`, whose `mayapy` opens
            `.mb` scenes; None: they are not analysed.
        health_port: Of /healthz, /readyz and /metrics; 0 turns it off.
    """

    analysis_seconds: float = 120.0
    analysis_memory: int = 4 * _GIB
    analysis_size: int = 8 * _GIB
    analyses_at_once: int = 2
    analysis_sweep: float = 30.0
    analysis_scratch: Path | None = None
    analysis_sandbox: bool = False
    analysis_maya: Path | None = None
    health_port: int = 0
