"""Models in formats that hold a mesh and little else. No input or output."""
