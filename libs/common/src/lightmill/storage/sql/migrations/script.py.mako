"""${message}."""
<% plain = lambda name: "None" if name is None else '"' + name + '"' %>
import sqlalchemy as sa
from alembic import op

from lightmill.storage.sql.schema import columns

revision = ${plain(up_revision)}
down_revision = ${plain(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    ${upgrades if upgrades else "pass"}
