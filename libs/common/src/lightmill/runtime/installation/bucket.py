"""The bucket: made, open to uploads from the console's origin, tidied of uploads left behind."""

import asyncio
from collections.abc import Sequence
from xml.sax.saxutils import escape

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import S3Error
from minio.helpers import md5sum_hash
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, LifecycleConfig, Rule

_ABORT_DAYS = 14
"""Beyond the age at which the farm itself gives up an upload that nobody goes on with."""
_TIMEOUT_S = 15


async def prepare_bucket(  # an S3 log-in is that long
    *,
    endpoint: str,
    access_key: str,
    secret_key: str,
    region: str,
    bucket: str,
    origins: Sequence[str],
) -> None:
    """See that `bucket` exists, that pages of `origins` may upload, and that it is tidied.

    Raises:
        S3Error: the log-in is wrong, or has not the right.
        HTTPError: no object store answers (urllib3's).
    """
    address = urllib3.util.parse_url(endpoint)
    client = Minio(
        endpoint=address.netloc or "",
        access_key=access_key,
        secret_key=secret_key,
        region=region,
        secure=address.scheme == "https",
        http_client=urllib3.PoolManager(timeout=_TIMEOUT_S, retries=False),
    )
    await asyncio.to_thread(_prepare, client, bucket, origins)


def _prepare(client: Minio, bucket: str, origins: Sequence[str]) -> None:
    if not client.bucket_exists(bucket_name=bucket):
        client.make_bucket(bucket_name=bucket)
    rule = Rule(
        status=ENABLED,
        rule_filter=Filter(prefix=""),
        rule_id="unfinished-uploads",
        abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(
            days_after_initiation=_ABORT_DAYS
        ),
    )
    client.set_bucket_lifecycle(bucket_name=bucket, config=LifecycleConfig(rules=[rule]))
    _allow(client, bucket, _cors(origins))


def _allow(client: Minio, bucket: str, rules: bytes) -> None:
    try:
        client._execute(  # noqa: SLF001  # the SDK has no public call for CORS
            "PUT",
            bucket,
            body=rules,
            headers={"Content-MD5": md5sum_hash(rules) or ""},
            query_params={"cors": ""},
        )
    except S3Error as error:
        if error.code != "NotImplemented":  # MinIO's are set for the whole server, not here
            raise


def _cors(origins: Sequence[str]) -> bytes:
    allowed = "".join(f"<AllowedOrigin>{escape(origin)}</AllowedOrigin>" for origin in origins)
    methods = "".join(
        f"<AllowedMethod>{method}</AllowedMethod>" for method in ("GET", "HEAD", "PUT")
    )
    return (
        f"<CORSConfiguration><CORSRule>{allowed}{methods}<AllowedHeader>*</AllowedHeader>"
        "<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>3600</MaxAgeSeconds>"
        "</CORSRule></CORSConfiguration>"
    ).encode()
