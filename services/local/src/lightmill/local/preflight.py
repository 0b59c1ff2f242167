"""Says what Blender needs of this machine and what is not there, before anything is downloaded.

Needs nothing but Python: `make demo` runs it before it installs the project.
"""

import sys

from lightmill.render_node.engines.installation import check_engine


def main() -> None:
    """End with 1 and the line to type when system libraries are missing."""
    found = check_engine()
    if not found.missing:
        return
    sys.stderr.write(
        f"Blender needs libraries that this machine does not have: {', '.join(found.missing)}\n"
        f"Install them, then try again; nothing has been downloaded yet:\n\n  {found.remedy}\n\n"
    )
    sys.exit(1)


if __name__ == "__main__":
    main()
