"""Maya ASCII scenes, read without Maya. No input or output."""
