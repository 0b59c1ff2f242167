"""The rules of designs and requests: no input or output, no clock."""
