"""Run inside a node's container: prints what a program in an engine's sandbox reaches."""

import subprocess
import sys
import tempfile
from pathlib import Path

from lightmill.domain.job import Work
from lightmill.render_node.engines.contract import Command
from lightmill.render_node.engines.sandbox import find_sandbox, python_readable
from lightmill.render_node.ports import Launch

ENGINE = """
import os, socket
print("alive")
for folder in ("/run/secrets", "/var/lib/lightmill-node"):
    if os.path.exists(folder): print(folder)
for host, port in (("rabbitmq", 5672), ("proxy", 3000), ("s3", 8333)):
    try:
        socket.create_connection((host, port), 3)
        print(host)
    except OSError:
        pass
if any(name.startswith("LIGHTMILL") for name in os.environ): print("environment")
"""

with tempfile.TemporaryDirectory() as folder:
    place = Path(folder)
    launch = Launch(
        step_id="probe",
        work=Work(engine="probe"),
        project=place,
        scratch=place,
        cores=1,
        ram=2**30,
        gpus=(),
        log=place / "log",
    )
    python = Path(sys.executable)
    command = Command(argv=(str(python), "-I", "-c", ENGINE), readable=python_readable(python))
    sandbox = find_sandbox()
    ended = subprocess.run(  # noqa: S603  # our own command line
        sandbox.wrap(command, launch),
        env=dict(sandbox.environment(command, launch)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    sys.stdout.write(ended.stdout + ended.stderr)
