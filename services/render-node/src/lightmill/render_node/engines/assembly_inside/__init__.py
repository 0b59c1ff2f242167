"""What puts images together, in a process of its own and shut in: images are hostile too."""
