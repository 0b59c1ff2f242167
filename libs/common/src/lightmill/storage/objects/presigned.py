"""Presigned S3 URLs that hold headers to what they were signed for; the SDK signs `host` alone."""

import hashlib
import hmac
from collections.abc import Mapping
from functools import reduce
from urllib.parse import parse_qsl, quote, urlencode, urlsplit


def holding(url: str, method: str, headers: Mapping[str, str], secret_key: str) -> str:
    """Return the presigned `url`, signed anew: good only for who sends these headers as well.

    Args:
        url: As Signature Version 4 makes it, with its X-Amz- parameters in the query.
        method: That it was signed for.
        headers: What is to be sent, under names in lower case.
        secret_key: Of the access key in the URL.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query.pop("X-Amz-Signature", None)
    held = sorted({**headers, "host": parts.netloc}.items())
    names = ";".join(name for name, _ in held)
    query["X-Amz-SignedHeaders"] = names
    canonical = urlencode(sorted(query.items()), quote_via=quote, safe="-_.~")
    lines = "".join(f"{name}:{value}\n" for name, value in held)
    request = f"{method}\n{parts.path}\n{canonical}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    signature = _signature(request, query["X-Amz-Date"], query["X-Amz-Credential"], secret_key)
    return parts._replace(query=f"{canonical}&X-Amz-Signature={signature}").geturl()


def _signature(request: str, date: str, credential: str, secret_key: str) -> str:
    scope = credential.split("/")[1:]
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{date}\n{'/'.join(scope)}\n{digest}"
    key = reduce(_keyed, scope, f"AWS4{secret_key}".encode())
    return _keyed(key, text).hex()


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
