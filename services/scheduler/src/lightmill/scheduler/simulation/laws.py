"""What must never happen, and whoever finds that it has."""


class BrokenLawError(AssertionError):
    """The farm has done what it must never do.

    Attributes:
        law: Name of the law.
    """

    def __init__(self, law: str, what: str) -> None:
        super().__init__(f"{law}: {what}")
        self.law = law


def hold(law: str, holds: bool, otherwise: object) -> None:  # noqa: FBT001  # reads as a sentence
    """Go on while `law` holds.

    Raises:
        BrokenLawError: it does not.
    """
    if not holds:
        raise BrokenLawError(law, str(otherwise))
