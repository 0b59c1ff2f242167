"""The api as an old client meets it, but for the token."""

from services.api.tests.conftest import farm, settings

__all__ = ["farm", "settings"]
