"""How long a cached status may be believed."""

SECONDS = 30
