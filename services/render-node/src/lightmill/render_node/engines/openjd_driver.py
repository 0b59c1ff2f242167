"""Runs a session of an Open Job Description step; a script on its own, beside `openjd_space.py`.

It needs `openjd-sessions`. The environments of the job and of the step are entered before the
first task and left after the last; the end of its input cancels what runs, as the template asks.
"""

import json
import os
import queue
import shutil
import sys
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from logging import INFO, Logger, StreamHandler, getLogger
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TextIO

from openjd.model import (
    IntRangeExpr,
    JobTemplate,
    ParameterValue,
    ParameterValueType,
    create_job,
    decode_job_template,
    preprocess_job_parameters,
)
from openjd.sessions import (
    ActionState,
    ActionStatus,
    PathFormat,
    PathMappingRule,
    Session,
    SessionState,
)

sys.path.insert(0, str(Path(__file__).parent))
import openjd_space as space  # type: ignore[import-not-found]  # a neighbour

MARK = "@lightmill "
ROOT = PurePosixPath("/lightmill/bundle")
"""Where the files of the bundle are for whoever writes a template; mapped to where they lie."""
LOOK = 0.1
SESSION = "session"


class Wire:
    """The real standard output; what else prints goes to standard error."""

    def __init__(self) -> None:
        self._out: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def tell(self, event: str, **rest: object) -> None:
        """Write one event."""
        self._out.write(f"{MARK}{json.dumps({'event': event, **rest})}\n")
        self._out.flush()


class Input:
    """Lines as they come; `ended` is set once nothing more will."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def line(self) -> str | None:
        """Return the next line, or None at the end."""
        return self._lines.get()

    def _read(self) -> None:
        for line in sys.stdin:
            self._lines.put(line)
        self.ended.set()
        self._lines.put(None)


class ActionError(Exception):
    """An action that did not succeed, in words; `kind` is the farm's."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


@dataclass
class Folders:
    """Where the job's paths lie: read-only in the project, or writable in `work`.

    Attributes:
        foreign: Folders of the submitter's own machine that are the bundle: format and path.
    """

    project: Path
    work: Path
    foreign: list[tuple[PathFormat, str]]

    def rules(self, written: Iterable[tuple[str, bool]]) -> list[PathMappingRule]:
        """Return the path mapping of the session; what the job writes is made and copied.

        Args:
            written: Paths that the job writes, and whether each is one file.
        """
        roots = [(PathFormat.POSIX, str(ROOT)), *self.foreign]
        rules = [_rule(kind, source, self.project) for kind, source in roots]
        for path, is_file in written:
            rules += self._writable(rules[: len(roots)], path, is_file=is_file)
        # One that is written as a whole stands before the same one that is read.
        return rules[len(roots) :] + rules[: len(roots)]

    def _writable(
        self, roots: list[PathMappingRule], path: str, *, is_file: bool
    ) -> list[PathMappingRule]:
        for root in roots:
            applies, found = root.apply(path=path)
            if applies:
                relative = Path(os.path.normpath(found)).relative_to(self.project)
                target = _prepared(self.work / relative, self.project / relative, is_file=is_file)
                return [_rule(root.source_path_format, path, target)]
        return []

    def state(self) -> dict[Path, tuple[int, int]]:
        """Return what is there, so that what a task writes can be told."""
        return {
            path: (path.stat().st_mtime_ns, path.stat().st_size)
            for path in sorted(self.work.rglob("*"))
            if path.is_file() and not path.is_symlink()
        }


def _rule(kind: PathFormat, source: str, target: Path) -> PathMappingRule:
    pure = PureWindowsPath if kind is PathFormat.WINDOWS else PurePosixPath
    return PathMappingRule(
        source_path_format=kind, source_path=pure(source), destination_path=target
    )


def _prepared(target: Path, source: Path, *, is_file: bool) -> Path:
    """Return a writable place with what the bundle has for it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.is_file():
        shutil.copyfile(source, target)
    elif not is_file:
        target.mkdir(exist_ok=True)
    return target


def _named(member: object, name: str) -> str | None:
    """Return the text of an enumeration of the template, or None."""
    return getattr(getattr(member, name, None), "value", None)


def _written(
    template: JobTemplate, parameters: Mapping[str, ParameterValue]
) -> Iterator[tuple[str, bool]]:
    for definition in template.parameterDefinitions or []:
        if _named(definition, "dataFlow") in {"OUT", "INOUT"}:
            is_file = _named(definition, "objectType") == "FILE"
            yield str(parameters[definition.name].value), is_file


def _parameters(template: JobTemplate, given: Mapping[str, str]) -> dict[str, ParameterValue]:
    """Return every parameter's value; paths are absolute, each in its own system's way."""
    found = preprocess_job_parameters(
        job_template=template,
        job_parameter_values=dict(given),
        job_template_dir=Path(ROOT),
        current_working_dir=Path(ROOT),
    )
    for name, value in given.items():
        if found[name].type is ParameterValueType.PATH and PureWindowsPath(str(value)).drive:
            found[name] = ParameterValue(type=ParameterValueType.PATH, value=str(value))
    return dict(found)


class Runner:
    """One session, and one action in it at a time."""

    def __init__(self, launch: Mapping[str, Any], wire: Wire, given: Input) -> None:
        settings = launch["settings"]
        self._wire = wire
        self._given = given
        self._first = int(settings.get("firstFrame", 1))
        self._changed = threading.Condition()
        scratch = Path(launch["scratch"])
        foreign = [(PathFormat(one["format"]), one["source"]) for one in _foreign(settings)]
        self._folders = Folders(Path(launch["project"]), _made(scratch / "work"), foreign)
        template = decode_job_template(template=settings["template"])
        parameters = _parameters(template, settings.get("parameters") or {})
        self._job = create_job(job_template=template, job_parameter_values=parameters)
        self._step = next(one for one in self._job.steps if one.name == settings["step"])
        self._session = Session(
            session_id=SESSION,
            job_parameter_values=parameters,
            path_mapping_rules=self._folders.rules(_written(template, parameters)),
            session_root_directory=_made(scratch / "sessions"),
            callback=self._note,
        )
        parameters_of_step = getattr(self._step.parameterSpace, "taskParameterDefinitions", {})
        self._ranges = {name: _range(one) for name, one in parameters_of_step.items()}
        self._entered: list[str] = []

    def open(self) -> None:
        """Enter the environments of the job, then those of the step."""
        both = [*(self._job.jobEnvironments or []), *(self._step.stepEnvironments or [])]
        for environment in both:
            entering = self._session.enter_environment(environment=environment)
            self._entered.append(entering)
            self._await(f"entering environment {environment.name!r}")

    def run(self, frame: int, output: Path) -> None:
        """Run the task of that number, and put what it wrote into `output`."""
        before = self._folders.state()
        self._session.run_task(
            step_script=self._step.script,
            task_parameter_values=self._values(frame - self._first),
        )
        self._await(f"task {frame}")
        after = self._folders.state()
        written = [path for path in after if before.get(path) != after[path]]
        _deliver(written, self._folders.work, output)

    def close(self) -> None:
        """Leave the environments in reverse, whatever became of the tasks."""
        for entered in reversed(self._entered):
            self._session.exit_environment(identifier=entered)
            try:
                self._await("leaving an environment", cancels=False)
            except ActionError as error:
                sys.stderr.write(f"{error.detail}\n")
        self._session.cleanup()

    def _values(self, number: int) -> dict[str, ParameterValue]:
        parameters = self._step.parameterSpace
        if parameters is None:
            return {}
        definitions = parameters.taskParameterDefinitions
        chosen = space.task_at(self._ranges, parameters.combination, number)
        return {
            name: ParameterValue(
                type=ParameterValueType(definitions[name].type.value), value=str(value)
            )
            for name, value in chosen.items()
        }

    def _note(self, _: str, status: ActionStatus) -> None:
        with self._changed:
            self._changed.notify_all()
        if status.progress is not None and status.state == ActionState.RUNNING:
            self._wire.tell("progress", share=status.progress / 100)

    def _await(self, what: str, *, cancels: bool = True) -> None:
        """Return when the action has succeeded; the end of the input cancels it."""
        cancelled = False
        while self._session.state in {SessionState.RUNNING, SessionState.CANCELING}:
            if cancels and not cancelled and self._given.ended.is_set():
                cancelled = True
                if self._session.state == SessionState.RUNNING:
                    self._session.cancel_action()
            with self._changed:
                self._changed.wait(LOOK)
        status = self._session.action_status
        if status is None or status.state == ActionState.SUCCESS:
            return
        kind = "timeout" if status.state == ActionState.TIMEOUT else "engine"
        why = status.fail_message or f"exit code {status.exit_code}"
        raise ActionError(kind, f"{what} ended {status.state.value}: {why}")


def _range(definition: Any) -> Sequence[Any]:  # noqa: ANN401  # one of the models of a parameter
    """Return the values of a task parameter, by position."""
    found = definition.range
    return list(IntRangeExpr.from_str(found)) if isinstance(found, str) else found


def _foreign(settings: Mapping[str, Any]) -> list[dict[str, str]]:
    return list(settings.get("pathMapping", []))


def _deliver(written: list[Path], work: Path, output: Path) -> None:
    if output.suffix != ".zip":
        images = [path for path in written if path.suffix.lower() == output.suffix]
        if not images:
            detail = f"the task wrote no {output.suffix} file below its output folders"
            raise ActionError("output", detail)
        shutil.copyfile(images[-1], output)
        return
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in written:
            archive.write(path, path.relative_to(work))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _logged(log: Logger) -> None:
    log.setLevel(INFO)
    log.addHandler(StreamHandler(sys.stderr))


def _serve(runner: Runner, given: Input, wire: Wire) -> None:
    runner.open()
    wire.tell("ready")
    for line in _lines(given):
        asked = json.loads(line)
        output = Path(asked["output"])
        runner.run(int(asked["frame"]), output)
        wire.tell("rendered", path=str(output))


def _lines(given: Input) -> Iterator[str]:
    while (line := given.line()) is not None:
        yield line


def main() -> None:
    """Serve tasks until the input ends or one of them fails."""
    wire, given = Wire(), Input()
    _logged(getLogger("openjd.sessions"))
    launch = json.loads(given.line() or "{}")
    try:
        runner = Runner(launch, wire, given)
    except Exception as error:  # noqa: BLE001  # whatever it is, the job is told
        wire.tell("failed", kind="engine", detail=str(error))
        return
    try:
        _serve(runner, given, wire)
    except ActionError as error:
        wire.tell("failed", kind=error.kind, detail=error.detail)
    finally:
        runner.close()


if __name__ == "__main__":
    main()
