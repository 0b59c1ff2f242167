"""Which secrets are too weak to start with."""

from pydantic import SecretStr

MIN_LENGTH = 12
_KNOWN = frozenset(
    {
        "123456789012",
        "6653145",
        "admin",
        "adminadminadmin",
        "changeme",
        "changemechangeme",
        "guest",
        "lightmill",
        "minioadmin",
        "password",
        "passwordpassword",
        "rabbitmq",
        "root",
        "secret",
        "topsecret",
    }
)


def weakness(secret: SecretStr | None) -> str | None:
    """Return what is wrong with `secret`, in words that never show it, or None."""
    text = "" if secret is None else secret.get_secret_value()
    if not text:
        return "is missing"
    if text.strip().lower() in _KNOWN:
        return "is one that everybody knows"
    if len(text) < MIN_LENGTH:
        return f"is shorter than {MIN_LENGTH} characters"
    if len(set(text)) < MIN_LENGTH // 3:
        return "repeats too few characters"
    return None
