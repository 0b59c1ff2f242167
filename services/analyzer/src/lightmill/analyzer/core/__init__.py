"""What a scene says, and what of it is missing. No input or output."""
