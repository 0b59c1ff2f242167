"""The simulated engine: a real process that writes real images, and needs no Blender."""

import sys
from pathlib import Path

from lightmill.domain.failures import FailureKind
from lightmill.render_node.engines import wire
from lightmill.render_node.engines.contract import Command, Event, Failed
from lightmill.render_node.engines.sandbox import python_readable
from lightmill.render_node.ports import Launch

_UNLICENSED = "no licence: "
_DRIVER = Path(__file__).with_name("simulated_driver.py")


class Simulated:
    """Renders invented pictures in an invented time; for tests, benchmarks and trying out.

    Settings: `seconds` (a number, or [least, most]), `seed`, `width`, `height`, `fail_frames`
    (frames that fail every time), `fail_times` (the frames of `fail_frames`, or all of them
    where there are none, fail only so many times per scratch folder), `unlicensed` (for want of a
    licence).
    """

    name = "simulated"

    def discover(self) -> tuple[str, ...]:
        """Return its one version."""
        return ("1",)

    def command(self, launch: Launch) -> Command:
        """Return the node's own Python with the driver script."""
        del launch
        python = Path(sys.executable).resolve()
        return Command(
            argv=(str(python), "-I", "-S", str(_DRIVER)),
            readable=(*python_readable(python), _DRIVER),
        )

    def opening(self, launch: Launch) -> str:
        """Return the launch for the driver."""
        return wire.opening(launch)

    def request(self, frame: int, output: Path) -> str:
        """Return the frame for the driver."""
        return wire.request(frame, output)

    def read(self, line: str) -> Event | None:
        """Return what the driver tells: no scene's code runs in it, so it may lack a licence."""
        event = wire.read(line)
        if isinstance(event, Failed) and event.detail.startswith(_UNLICENSED):
            return Failed(FailureKind.LICENCE, event.detail)
        return event

    def classify_failure(self, exit_code: int, tail: str) -> FailureKind:
        """Return why the driver died."""
        del exit_code
        return wire.classify(tail)
