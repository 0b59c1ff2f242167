"""`python -m lightmill.runtime.installation`."""

import asyncio
import sys

from lightmill.runtime import logs
from lightmill.runtime.clock import SystemClock
from lightmill.runtime.installation.config import InstallationSettings
from lightmill.runtime.installation.install import OtherSecretsError, install
from lightmill.runtime.settings import read


def main() -> None:
    """Set up the farm that the environment names."""
    settings = read(InstallationSettings)
    logs.configure("setup", level=settings.log_level)
    try:
        asyncio.run(install(settings, SystemClock()))
    except OtherSecretsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
