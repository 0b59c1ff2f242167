"""The Python that the peers of the benchmarks run on: an environment of their own."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_PLACES = _ROOT / ".tools" / "peers"


def peers_python(requirements: str = "requirements") -> Path:
    """Return an interpreter with all of a file of requirements, made when that has changed.

    Args:
        requirements: The file's name without `.txt`; each has an environment of its own.

    Raises:
        subprocess.CalledProcessError: a package is not to be had.
    """
    wanted, place = _HERE / f"{requirements}.txt", _PLACES / requirements
    mark, digest = place / ".of", hashlib.sha256(wanted.read_bytes()).hexdigest()
    python = place / "bin" / "python"
    if not mark.exists() or mark.read_text() != digest:
        print("installing the peers of this benchmark …")
        uv = shutil.which("uv") or str(_ROOT / ".tools" / "bin" / "uv")
        make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)]
        fill = [uv, "pip", "sync", "--quiet", "--python", str(python), str(wanted)]
        for command in (make, fill):
            subprocess.run(command, check=True)  # noqa: S603  # our own command line
        mark.write_text(digest)
    return python
