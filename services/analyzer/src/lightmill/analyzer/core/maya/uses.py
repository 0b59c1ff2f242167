"""The files that a Maya scene names."""

from collections.abc import Iterator

from lightmill.analyzer.core.maya.nodes import is_many, paths
from lightmill.analyzer.core.maya.references import places
from lightmill.analyzer.core.maya.scene import MayaScene, Node
from lightmill.analyzer.core.pattern import is_pattern
from lightmill.analyzer.core.reading import Use
from lightmill.domain.absolute_paths import slashed

_INSIDE_MAYA = ("<MAYA_RESOURCES>", "<builtin>")


def uses(scene: MayaScene, referrer: str, project: str) -> Iterator[Use]:
    """Yield what the scene refers to: scenes that it brings in, then what its nodes read.

    Args:
        scene: As read.
        referrer: Its path in the bundle.
        project: Folder of the project below the bundle's top.
    """
    for reference in scene.references:
        # `{2}` tells apart the same scene brought in more than once.
        path = slashed(reference.path).partition("{")[0]
        if path and reference.depth == 1:
            name, places_of = (
                f"file -r {reference.node}".strip(),
                places(path, project, scenes=True),
            )
            yield Use(path=path, referrer=referrer, name=name, places=places_of)
    for node in scene.nodes:
        for written in paths(node.kind, node.attributes):
            if not written.startswith(_INSIDE_MAYA):
                yield _use(node, slashed(written), referrer, project)


def _use(node: Node, path: str, referrer: str, project: str) -> Use:
    return Use(
        path=path,
        referrer=referrer,
        name=f"{node.kind} {node.name}",
        sequence=is_many(node.kind, node.attributes) or is_pattern(path.rpartition("/")[2]),
        places=places(path, project),
    )
