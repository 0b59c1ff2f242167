"""The journal, the workspace, the machine and HTTP, as they really are."""
