"""Tables that only the api writes."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from lightmill.storage.sql.schema.columns import (
    DOCUMENT,
    HASH,
    IDENTIFIER,
    KEYWORD,
    LONG_TEXT,
    METADATA,
    MOMENT,
    NAME,
    OBJECT_KEY,
    SERIAL,
    outbox_columns,
)

TENANTS = Table(
    "tenants",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("name", NAME, nullable=False, unique=True),
    Column("content_key", HASH, nullable=False),  # HMAC key of its object names, hex
    Column("created_at", MOMENT, nullable=False),
)

USERS = Table(
    "users",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("name", NAME, nullable=False),
    Column("role", KEYWORD, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    UniqueConstraint("tenant_id", "name"),
)

TOKENS = Table(
    "tokens",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("user_id", IDENTIFIER, nullable=False),
    Column("role", KEYWORD, nullable=False),
    Column("node_id", IDENTIFIER),
    Column("secret_sha256", HASH, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT),
    Column("revoked_at", MOMENT),
)

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("owner_id", IDENTIFIER, nullable=False),
    Column("user_label", NAME, nullable=False),  # seed 000's userId: a label, grants nothing
    Column("name", NAME, nullable=False),
    Column("kind", KEYWORD, nullable=False),
    Column("pool", NAME, nullable=False),
    Column("bundle_id", IDENTIFIER),
    Column("design_id", IDENTIFIER),
    Column("spec", DOCUMENT, nullable=False),  # lightmill.domain.job.JobSpec
    Column("frame_count", Integer, nullable=False),
    Column("wanted", KEYWORD, nullable=False),  # lightmill.domain.job.Wanted
    Column("paused", Boolean, nullable=False),
    Column("approved", Boolean, nullable=False, server_default=false()),  # by a person
    Column("priority", Integer, nullable=False),
    Column("retries_wanted", Integer, nullable=False),  # times that FAILED steps were asked back
    Column("cleanups_wanted", Integer, nullable=False),  # times that workspaces were to be freed
    Column("version", Integer, nullable=False),  # +1 with every change of what is wanted
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Index(None, "tenant_id", "created_at", "id"),
    Index(None, "tenant_id", "owner_id", "created_at"),
    Index(None, "tenant_id", "bundle_id"),
    Index(None, "updated_at"),
)

BUNDLES = Table(
    "bundles",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("owner_id", IDENTIFIER, nullable=False),
    Column("manifest", DOCUMENT, nullable=False),  # [{path, asset_id, blake3, size}]
    Column("file_count", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", MOMENT, nullable=False),
)

ASSETS = Table(
    "assets",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("owner_id", IDENTIFIER, nullable=False),
    Column("name", NAME, nullable=False),
    Column("path", Text, nullable=False),
    Column("blake3", HASH, nullable=False),
    Column("md5", HASH, nullable=False),
    Column("xxh64", KEYWORD, nullable=False),  # decimal, as seed 004 writes it
    Column("size", BigInteger, nullable=False),
    Column("object_key", OBJECT_KEY, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("touched_at", MOMENT),  # when somebody last asked for it; None: not since it was made
    UniqueConstraint("tenant_id", "blake3"),
    Index(None, "tenant_id", "md5", "xxh64"),
    Index(None, "tenant_id", "object_key"),
)

MULTIPART_UPLOADS = Table(
    "multipart_uploads",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("owner_id", IDENTIFIER, nullable=False),
    Column("blake3", HASH, nullable=False),  # what the content will have to be
    Column("size", BigInteger, nullable=False),
    Column("part_size", BigInteger, nullable=False),
    Column("path", Text, nullable=False),
    Column("object_key", OBJECT_KEY, nullable=False),
    Column("store_id", Text, nullable=False),  # the object store's own id of it
    Column("asset_id", SERIAL),  # what has become of it
    Column("created_at", MOMENT, nullable=False),
    Column("touched_at", MOMENT, nullable=False),  # when its client was last heard of
    UniqueConstraint("tenant_id", "blake3"),
    Index(None, "touched_at"),
)

RETENTION = Table(
    "retention",
    METADATA,
    Column("tenant_id", IDENTIFIER, primary_key=True),
    Column("results_days", Integer),  # None: kept for good
    Column("intermediates_days", Integer),
    Column("workspaces_days", Integer),
    Column("orphans_days", Integer),
    Column("results_class", KEYWORD),  # a storage class; None: the store's own
    Column("intermediates_class", KEYWORD),
    Column("updated_at", MOMENT, nullable=False),
)

EXPIRIES = Table(
    "expiries",
    METADATA,
    Column("job_id", IDENTIFIER, primary_key=True),
    Column("kind", KEYWORD, primary_key=True),  # results, intermediates, workspaces
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("objects", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("at", MOMENT, nullable=False),
)

UPLOADS = Table(
    "uploads",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("owner_id", IDENTIFIER, nullable=False),
    Column("asset_id", SERIAL, nullable=False),
    Column("path", Text, nullable=False),
    Column("uploaded", Boolean, nullable=False),  # False: the content was there already
    Column("created_at", MOMENT, nullable=False),
    Index(None, "tenant_id", "created_at"),
)

DESIGNS = Table(
    "designs",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("owner_id", IDENTIFIER, nullable=False),
    Column("design_id", NAME, nullable=False),  # the caller's own, unique in the tenant
    Column("name", NAME, nullable=False),
    Column("versions", Integer, nullable=False),  # how many there are: the number of the latest
    Column("created_at", MOMENT, nullable=False),
    UniqueConstraint("tenant_id", "design_id"),
)

DESIGN_VERSIONS = Table(
    "design_versions",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("owner_id", IDENTIFIER, nullable=False),
    Column("design", IDENTIFIER, nullable=False),  # designs.id
    Column("version", Integer, nullable=False),
    Column("model", Text, nullable=False),  # path of the model inside the manifest
    Column("manifest", DOCUMENT, nullable=False),  # the files of model and materials
    Column("materials", DOCUMENT, nullable=False),  # as they were when it was put together
    Column("details", DOCUMENT, nullable=False),
    Column("analysis_id", IDENTIFIER),  # the analyzer's answer to it
    Column("thumbnail_job", IDENTIFIER),  # its first result is the picture of it
    Column("created_at", MOMENT, nullable=False),
    UniqueConstraint("design", "version"),
    Index(None, "tenant_id", "thumbnail_job"),
)

MATERIALS = Table(
    "materials",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("owner_id", IDENTIFIER, nullable=False),
    Column("material_id", NAME, nullable=False),  # the caller's own, unique in the tenant
    Column("name", NAME, nullable=False),
    Column("shading", DOCUMENT, nullable=False),  # numbers, and the textures by their place
    Column("manifest", DOCUMENT, nullable=False),  # the files of its textures
    Column("created_at", MOMENT, nullable=False),
    UniqueConstraint("tenant_id", "material_id"),
)

TEXTURES = Table(
    "textures",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("owner_id", IDENTIFIER, nullable=False),
    Column("texture_id", NAME, nullable=False),  # the caller's own, unique in the tenant
    Column("name", NAME, nullable=False),
    Column("colour_space", KEYWORD, nullable=False),
    Column("manifest", DOCUMENT, nullable=False),  # its one file
    Column("created_at", MOMENT, nullable=False),
    UniqueConstraint("tenant_id", "texture_id"),
)

USES = Table(
    "uses",
    METADATA,
    Column("used", IDENTIFIER, primary_key=True),  # a material or a texture
    Column("used_by", IDENTIFIER, primary_key=True),  # a version of a design, or a material
    Column("tenant_id", IDENTIFIER, nullable=False),
)

GRANTS = Table(
    "grants",
    METADATA,
    Column("object_id", IDENTIFIER, primary_key=True),  # a design, a material or a texture
    Column("user_id", IDENTIFIER, primary_key=True),  # empty: everybody of the tenant
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Index(None, "tenant_id", "user_id"),
)

ANALYSIS_REQUESTS = Table(
    "analysis_requests",
    METADATA,
    Column("id", IDENTIFIER, primary_key=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("owner_id", IDENTIFIER, nullable=False),
    Column("scene", Text, nullable=False),  # path of the scene inside the manifest
    Column("manifest", DOCUMENT, nullable=False),
    Column("content_key", HASH, nullable=False),  # hash of scene, manifest and analyzer version
    Column("created_at", MOMENT, nullable=False),
    Index(None, "tenant_id", "content_key"),
)

HARDWARE_CONFIGS = Table(
    "hardware_configs",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("name", NAME, nullable=False),
    Column("cores", Integer, nullable=False),
    Column("ram", BigInteger, nullable=False),
    Column("gpu_count", Integer, nullable=False),
    Column("gpu_model", NAME, nullable=False),
    Column("vram", BigInteger, nullable=False),
    Column("price", Float, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    UniqueConstraint("tenant_id", "name"),
)

POOLS = Table(
    "pools",
    METADATA,
    Column("name", NAME, primary_key=True),
    Column("mode", KEYWORD, nullable=False),
    Column("scaling", DOCUMENT),  # lightmill.domain.policy.Scaling
    Column("sandbox", KEYWORD),
    Column("version", Integer, nullable=False),  # +1 with every change, as in the tables below
    Column("updated_at", MOMENT, nullable=False),
)

LIMITS = Table(
    "limits",
    METADATA,
    Column("name", NAME, primary_key=True),
    Column("total", Integer),
    Column("scope", KEYWORD, nullable=False),
    Column("scaling", DOCUMENT),  # lightmill.domain.policy.Scaling
    Column("version", Integer, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
)

SHARES = Table(
    "shares",
    METADATA,
    Column("tenant_id", IDENTIFIER, primary_key=True),
    Column("user_label", NAME, primary_key=True),  # empty: the tenant itself
    Column("weight", Float, nullable=False),
    Column("size", Integer, nullable=False),
    Column("burst", Integer),
    Column("version", Integer, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
)

FARM_POLICY = Table(
    "farm_policy",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("preemption", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
)

NODE_WISHES = Table(
    "node_wishes",
    METADATA,
    Column("node_id", IDENTIFIER, primary_key=True),
    Column("wish", KEYWORD, nullable=False),  # lightmill.domain.policy.NodeWish
    Column("forgiven", Integer, nullable=False),  # times that a person forgave its failures
    Column("version", Integer, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
)

IDEMPOTENCY_KEYS = Table(
    "idempotency_keys",
    METADATA,
    Column("tenant_id", IDENTIFIER, primary_key=True),
    Column("user_id", IDENTIFIER, primary_key=True),
    Column("idempotency_key", String(255), primary_key=True),
    Column("request_sha256", HASH, nullable=False),
    Column("status", Integer),  # None while the first request still runs
    Column("answer", LONG_TEXT),
    Column("created_at", MOMENT, nullable=False),
    Index(None, "created_at"),
)

AUDIT_LOG = Table(
    "audit_log",
    METADATA,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("tenant_id", IDENTIFIER, nullable=False),
    Column("user_id", IDENTIFIER, nullable=False),
    Column("action", NAME, nullable=False),
    Column("object", NAME, nullable=False),
    Column("details", DOCUMENT, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Index(None, "tenant_id", "created_at"),
)

OUTBOX = Table("api_outbox", METADATA, *outbox_columns())
