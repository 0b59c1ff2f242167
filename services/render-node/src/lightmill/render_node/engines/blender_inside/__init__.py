"""What runs inside Blender: its own Python, with `bpy` and the standard library, nothing else."""
