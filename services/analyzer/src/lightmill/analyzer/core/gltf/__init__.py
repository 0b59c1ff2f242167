"""glTF 2.0, read without any library. No input or output."""
