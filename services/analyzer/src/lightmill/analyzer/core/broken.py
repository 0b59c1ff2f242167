"""A scene that cannot be read."""


class BrokenSceneError(ValueError):
    """The file is not what its name says, or is damaged; the message goes after the name."""
