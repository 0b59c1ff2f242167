"""What a Maya ASCII scene says."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lightmill.analyzer.core.broken import BrokenSceneError
from lightmill.analyzer.core.maya.commands import KNOWN, Command, command, name_of
from lightmill.analyzer.core.maya.nodes import is_wanted
from lightmill.analyzer.core.maya.statements import statements

MOST_NODES = 500_000
_LONGEST_VALUE = 8192
# Nodes that every scene has: they are selected, never made.
_DEFAULTS = {
    "defaultRenderGlobals": "renderGlobals",
    "defaultResolution": "resolution",
    "defaultRenderLayer": "renderLayer",
    "defaultArnoldRenderOptions": "aiOptions",
    "redshiftOptions": "RedshiftOptions",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A node that matters to a render, and those of its attributes that are one value."""

    kind: str
    name: str
    parent: str = ""
    attributes: dict[str, str] = field(default_factory=dict)

    def get(self, *names: str) -> str | None:
        """Return an attribute that may be written in several ways."""
        return next((self.attributes[name] for name in names if name in self.attributes), None)


@dataclass(frozen=True, slots=True)
class Reference:
    """Another scene, brought in; `depth` is 1 unless it stands in one that is brought in."""

    path: str
    node: str
    depth: int = 1


@dataclass(slots=True)
class MayaScene:
    """What is found in the text, in its order; `references` are told twice and stand once."""

    requires: dict[str, str] = field(default_factory=dict)
    info: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    references: dict[Reference, None] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)

    def of(self, kind: str) -> Iterator[Node]:
        """Yield the nodes of one kind."""
        return (node for node in self.nodes if node.kind == kind)


def read(pieces: Iterable[bytes]) -> MayaScene:
    """Return what a Maya ASCII file says.

    Raises:
        BrokenSceneError: it is no Maya ASCII, breaks off, or has more than half a million nodes
            that a render could care about.
    """
    reader = _Reader()
    for statement in statements(pieces):
        name = name_of(statement)
        if name in KNOWN and (
            name != "setAttr" or reader.node is not None or _names_node(statement)
        ):
            found = command(statement)
            if found is not None:
                reader.take(found)
    return reader.scene


def _names_node(statement: str) -> bool:
    # `setAttr "file1.ftn"` counts whatever is selected; the usual form begins with the dot.
    return '".' not in statement[:200]


class _Reader:
    """Follows the commands; `node` is what attributes are set on, None when it does not matter."""

    def __init__(self) -> None:
        self.scene = MayaScene()
        self.node: Node | None = None
        self._named: dict[str, Node] = {}
        self._takers: Mapping[str, Callable[[Command], None]] = {
            "requires": self._requires,
            "fileInfo": self._file_info,
            "currentUnit": self._unit,
            "file": self._file,
            "createNode": self._create,
            "select": self._select,
            "setAttr": self._set,
        }

    def take(self, found: Command) -> None:
        self._takers[found.name](found)

    def _requires(self, found: Command) -> None:
        if found.values:
            self.scene.requires[found.values[0]] = found.values[1] if found.values[1:] else ""

    def _file_info(self, found: Command) -> None:
        if found.values[1:]:
            self.scene.info[found.values[0]] = found.values[1].strip()

    def _unit(self, found: Command) -> None:
        for name, short in (("linear", "l"), ("angle", "a"), ("time", "t")):
            value = found.flag(short, name)
            if value is not None:
                self.scene.units[name] = value

    def _file(self, found: Command) -> None:
        if not found.values:
            return
        depth = found.flag("rdi", "referenceDepthInfo") or "1"
        node = found.flag("rfn", "referenceNode") or ""
        reference = Reference(found.values[-1], node, int(depth) if _is_number(depth) else 1)
        self.scene.references[reference] = None

    def _create(self, found: Command) -> None:
        kind = found.values[0] if found.values else ""
        self.node = None
        if is_wanted(kind):
            name = found.flag("n", "name") or kind
            parent = (found.flag("p", "parent") or "").rpartition("|")[2]
            self.node = self._add(Node(kind, name, parent))

    def _select(self, found: Command) -> None:
        self.node = self._known(found.values[-1]) if found.values else None

    def _known(self, name: str) -> Node | None:
        plain = name.removeprefix(":")
        node = self._named.get(plain)
        if node is None and plain in _DEFAULTS:
            return self._add(Node(_DEFAULTS[plain], plain))
        return node

    def _add(self, node: Node) -> Node:
        if len(self.scene.nodes) >= MOST_NODES:
            raise BrokenSceneError(f"has more than {MOST_NODES} nodes that a render reads")
        self.scene.nodes.append(node)
        self._named[node.name] = node
        return node

    def _set(self, found: Command) -> None:
        if not found.values[1:]:
            return
        owner, _, attribute = found.values[0].partition(".")
        node = self._known(owner) if owner else self.node
        value = found.values[1]
        if node is not None and len(value) <= _LONGEST_VALUE:
            node.attributes[attribute] = value


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 9  # noqa: PLR2004  # no depth is
