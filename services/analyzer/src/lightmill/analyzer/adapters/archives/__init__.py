"""Archives, taken apart in a process of their own."""
