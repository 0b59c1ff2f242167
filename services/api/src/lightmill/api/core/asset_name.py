"""Object names that give nothing away about their content."""

import hashlib
import hmac


def asset_key(tenant_id: str, content_key: str, blake3: str, generation: str) -> str:
    """Return an object name for content in a tenant.

    Args:
        tenant_id: Whose content it is.
        content_key: The tenant's HMAC key, hex: without it nobody can tell from a name
            whether some known content is there.
        blake3: Hash of the content, hex.
        generation: A new one each time that the content is stored, so that no name is written
            twice: who deletes an object cannot meet one that has just come again.
    """
    digest = hmac.new(bytes.fromhex(content_key), bytes.fromhex(blake3), hashlib.sha256)
    return f"tenants/{tenant_id}/assets/{digest.hexdigest()}.{generation}"
