"""`lightmill submit`."""

import math
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lightmill.client.cli.exits import Exit
from lightmill.client.cli.session import AsJson, answer, farm_of, tell
from lightmill.client.cli.watch import watch_job
from lightmill.client.farm import Farm
from lightmill.client.models import Analysis, Bundle

_GIB = 2**30


class Order(StrEnum):
    """In which order frames are handed out."""

    GIVEN = "given"
    ASCENDING = "ascending"
    DESCENDING = "descending"
    BISECTION = "bisection"


class Film(StrEnum):
    """What a film of the frames can be."""

    MP4 = "mp4"


def submit(  # noqa: PLR0913  # one parameter for each option
    context: typer.Context,
    scene: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A scene, or an archive.")
    ],
    frames: Annotated[str, typer.Option(help="1-24, 1-100x10, or 3,5-10.")],
    *,
    folder: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Hand in this; else the scene's folder."),
    ] = None,
    inside: Annotated[
        str | None, typer.Option(help="Of an archive (zip, tar): the scene's path in it.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="For people; else the scene's.")] = None,
    engine: Annotated[str, typer.Option(help="What renders it.")] = "blender",
    test_frames: Annotated[str | None, typer.Option(help="Rendered before the others.")] = None,
    stop_after_test: Annotated[bool, typer.Option(help="Stop when a test frame fails.")] = False,
    priority: Annotated[int, typer.Option(min=0, max=100, help="Higher goes first.")] = 1,
    cores: Annotated[int | None, typer.Option(min=1, help="That each frame needs.")] = None,
    ram: Annotated[float | None, typer.Option(min=0.001, help="GB for each frame.")] = None,
    gpus: Annotated[int, typer.Option(min=0, help="For each frame.")] = 0,
    vram: Annotated[float, typer.Option(min=0, help="GB of each GPU, at least.")] = 0,
    tag: Annotated[
        list[str] | None, typer.Option(help="That the machine carries; may be repeated.")
    ] = None,
    hardware_config: Annotated[
        list[int] | None, typer.Option(help="Kind of machine that will do; may be repeated.")
    ] = None,
    pool: Annotated[str | None, typer.Option(help="Of machines.")] = None,
    order: Annotated[
        Order, typer.Option(help="Of the frames; bisection: the ends first, then the middles.")
    ] = Order.GIVEN,
    approval: Annotated[
        bool, typer.Option(help="Wait after the test frames for: lightmill approve.")
    ] = False,
    after: Annotated[
        list[str] | None, typer.Option(help="Job that has to succeed first; may be repeated.")
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option(help="That each frame takes one of; may be repeated.")
    ] = None,
    deadline: Annotated[
        datetime | None, typer.Option(help="Local time, such as 2026-12-24T18:00:00.")
    ] = None,
    failure_budget: Annotated[
        int | None, typer.Option(min=0, help="Frames that may fail before the job stops.")
    ] = None,
    chunk: Annotated[
        int | None, typer.Option(min=1, help="Frames for a node at once; else as times suggest.")
    ] = None,
    tiles: Annotated[
        str | None, typer.Option(help="Cut each frame, as 2x2, for several machines.")
    ] = None,
    film: Annotated[Film | None, typer.Option(help="Make one of the frames at the end.")] = None,
    fps: Annotated[int, typer.Option(min=1, max=240, help="Of the film.")] = 24,
    contact_sheet: Annotated[
        bool, typer.Option(help="Make one image that shows the frames, at the end.")
    ] = False,
    setting: Annotated[
        list[str] | None, typer.Option(help="Of the engine, as width=640; may be repeated.")
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option(help="Render whatever is missing; the scene is not looked into.")
    ] = False,
    watch: Annotated[bool, typer.Option(help="Stay until it is done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hand in a scene with its folder, and print the job's id."""
    farm = farm_of(context)
    bundle_id, path = _handed_in(farm, scene, folder, inside)
    if not allow_missing:
        _require_files(farm, bundle_id, path)
    needs: dict[str, object] = {
        "cores": cores,
        "ram": _bytes(ram),
        "gpus": gpus,
        "vram": _bytes(vram),
    }
    needs |= {"tags": tag or [], "hardware_config_ids": hardware_config or []}
    wishes: dict[str, object] = {"order": order.value, "approval": approval}
    wishes |= {"after": after or [], "limits": limit or [], "pool": pool, "chunk": chunk}
    wishes |= {"failure_budget": failure_budget, "tiles": tiles, "fps": fps}
    wishes |= {"film": film and film.value, "contact_sheet": contact_sheet}
    wishes |= {"deadline": deadline and deadline.astimezone().isoformat()}
    job_id = farm.submit(
        name=name or scene.stem,
        bundle_id=bundle_id,
        scene=path,
        engine=engine,
        frames=frames,
        test_frames=test_frames,
        stop_after_test=stop_after_test,
        priority=priority,
        needs=needs,
        settings=_settings(setting or []),
        allow_missing=allow_missing,
        **wishes,
    )
    answer(job_id, {"id": job_id}, as_json=as_json)
    if watch:
        watch_job(farm, job_id)


def _bytes(gib: float | None) -> int | None:
    return None if gib is None else round(gib * _GIB)


def _handed_in(
    farm: Farm, scene: Path, folder: Path | None, inside: str | None
) -> tuple[str, str]:
    """Return the bundle, and the path of the scene in it."""
    if inside is not None:
        return farm.upload_archive(scene), inside
    root = (folder or scene.parent).resolve()
    path = _inside(scene, root)
    return upload(farm, root).bundle_id, path


def _inside(scene: Path, root: Path) -> str:
    try:
        return scene.resolve().relative_to(root).as_posix()
    except ValueError:
        raise typer.BadParameter(f"{scene} does not lie in {root}") from None


def upload(farm: Farm, root: Path) -> Bundle:
    """Hand in a folder and say what was sent."""
    bundle = farm.upload_folder(root, lambda path, n, of: tell(f"sent {n} of {of}: {path}"))
    tell(f"{root}: {len(bundle.assets)} files, {bundle.present} of them were there already")
    return bundle


def _require_files(farm: Farm, bundle_id: str, scene: str) -> None:
    found = farm.analyse(bundle_id, scene)
    missing = [path for entry in found.missing for path in entry.values()]
    if missing:
        tell("the scene needs files that are not in the folder:")
        for path in missing:
            tell(f"  {path}")
            for line in (*_users(found, path), *filter(None, [found.hints.get(path)])):
                tell(f"    {line}")
        tell("add them, or render without them: --allow-missing")
        raise typer.Exit(Exit.REFUSED)


def _users(found: Analysis, path: str) -> list[str]:
    users = found.used_by.get(path, ())
    return [f"used by {', '.join(users[:3])}"] if users else []


def _settings(pairs: Iterable[str]) -> dict[str, object]:
    settings: dict[str, object] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise typer.BadParameter(f"{pair!r} is no setting; write width=640")
        settings[key] = _value(value)
    return settings


def _value(text: str) -> object:
    if text in {"true", "false"}:
        return text == "true"
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else text
    return text
