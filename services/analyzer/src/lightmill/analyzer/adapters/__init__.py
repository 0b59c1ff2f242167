"""Tables, and the reader of Blender files in a process of its own."""
