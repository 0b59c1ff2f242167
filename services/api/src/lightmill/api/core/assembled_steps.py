"""Steps that follow from wishes: tiles and their stitching, a film, a contact sheet."""

from collections.abc import Mapping
from dataclasses import replace

from lightmill.api.core.job_bodies import JobBody
from lightmill.api.core.job_request import SIMULATED
from lightmill.api.core.problem import invalid
from lightmill.domain.assembly import ASSEMBLY, Assembly, tile_frames
from lightmill.domain.frames import FrameListError, FrameSet
from lightmill.domain.job import After, FrameOrder, JobSpec, Json, StepSpec, Work
from lightmill.domain.resources import GIB, Needs

TILES, STITCH, FILM, CONTACT_SHEET = "tiles", "stitch", "film", "contact sheet"
"""The names of the steps."""
_CUT_BY = frozenset({"blender", SIMULATED})
"""Engines that render a tile alone."""
_ONE = FrameSet.parse("1")
_MOST_SHOWN = 20_000
_OF_THE_IMAGE = ("format", "width", "height", "percentage")


def put_together(spec: JobSpec, body: JobBody) -> JobSpec:
    """Return the specification with the steps that `body` wishes for beside its frames.

    Raises:
        ProblemError: the frames cannot be cut so, or are too many to be shown.
    """
    if body.tiles is not None:
        spec = replace(spec, steps=_tiled(spec, body, body.tiles.columns, body.tiles.rows))
    shown = tuple(step for step in spec.steps if step.delivered)
    wishes: dict[str, Mapping[str, Json]] = {}
    if body.film is not None:
        settings: Mapping[str, Json] = {"format": body.film.upper(), "fps": body.fps}
        wishes[FILM] = {"assemble": Assembly.FILM.value, **settings}
    if body.contact_sheet:
        wishes[CONTACT_SHEET] = {"assemble": Assembly.CONTACT_SHEET.value, "format": "PNG"}
    count = sum(len(step.frames) for step in shown)
    if wishes and count > _MOST_SHOWN:
        field = "contact_sheet" if body.film is None else "film"
        raise invalid(field, f"{count} frames; at most {_MOST_SHOWN} are shown together")
    last = tuple(
        _assembling(spec, name, _ONE, settings, *(step.name for step in shown))
        for name, settings in wishes.items()
    )
    return replace(spec, steps=(*spec.steps, *last))


def _tiled(spec: JobSpec, body: JobBody, columns: int, rows: int) -> tuple[StepSpec, ...]:
    """Return the step of the tiles and that which stitches them."""
    _require_cuttable(spec, body)
    (whole,) = spec.steps
    size: dict[str, Json] = {"columns": columns, "rows": rows}
    try:
        numbers = tile_frames(whole.frames, columns * rows)
    except FrameListError as error:
        raise invalid("tiles", str(error)) from error
    tiles = replace(
        whole,
        name=TILES,
        frames=numbers,
        order=FrameOrder.GIVEN,
        chunk=body.chunk or 1,  # a tile each: they are cut so that many machines have one
        work=replace(spec.work, settings={**spec.work.settings, "tiles": size}),
        delivered=False,
    )
    settings = {name: spec.work.settings.get(name) for name in _OF_THE_IMAGE}
    stitched = {"assemble": Assembly.STITCH.value, **size, **settings}
    return tiles, _assembling(spec, STITCH, whole.frames, stitched, TILES)


def _require_cuttable(spec: JobSpec, body: JobBody) -> None:
    if spec.work.engine not in _CUT_BY:
        engines = " and ".join(sorted(_CUT_BY))
        raise invalid("tiles", f"{spec.work.engine} renders no tiles; {engines} do")
    if body.order is FrameOrder.BISECTION:
        raise invalid("tiles", "goes with frames as given, ascending or descending")
    if body.test_frames is not None:
        raise invalid("tiles", "goes without test_frames")


def _assembling(
    spec: JobSpec, name: str, frames: FrameSet, settings: Mapping[str, Json], *inputs: str
) -> StepSpec:
    return StepSpec(
        name=name,
        frames=frames,
        after=tuple(After(step=step) for step in inputs),
        work=Work(engine=ASSEMBLY, settings=settings, limits=spec.work.limits, inputs=inputs),
        needs=Needs(cores=1, ram=GIB, pool=spec.needs.pool, sandbox=spec.needs.sandbox),
    )
