import re
import subprocess
import sys
from pathlib import Path

from sqlalchemy import Table

from lightmill.storage.sql.schema import analyzer, api, scheduler

ROOT = Path(__file__).parents[2]
OWNERS = {"api": api, "scheduler": scheduler, "analyzer": analyzer}


def test_the_architecture_lists_every_table_with_its_owner_and_columns() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", text, re.MULTILINE)
    tables = [
        (table.name, owner, ", ".join(column.name for column in table.columns))
        for owner, module in OWNERS.items()
        for table in vars(module).values()
        if isinstance(table, Table)
    ]
    assert sorted(listed) == sorted(tables)


def test_the_figures_in_the_readmes_are_those_that_were_measured() -> None:
    check = [sys.executable, str(ROOT / "bench" / "figures.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)  # noqa: S603  # ours
    assert done.returncode == 0, done.stderr


def test_no_link_between_the_documents_is_dead() -> None:
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
