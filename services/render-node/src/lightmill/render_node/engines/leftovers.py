"""Ends engines that a node left behind."""

import hashlib
import os
from pathlib import Path

from lightmill.render_node.engines import process_tree


def mark_of(state_dir: Path) -> str:
    """Return what the engines of the node with that state folder carry in their environment."""
    return hashlib.blake2b(os.fsencode(state_dir.resolve()), digest_size=16).hexdigest() + ":"


def kill_leftovers(state_dir: Path) -> bool:
    """Kill every engine that an earlier run on the state folder started.

    Engines die with their node; this is for what they started themselves where no sandbox holds
    it together. Returns whether all of it is gone.
    """
    return process_tree.end(None, mark_of(state_dir))
