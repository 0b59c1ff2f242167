"""The one-shot set-up of a farm's backing parts; every step may be repeated at any time.

`python -m lightmill.runtime.installation` runs it. It alone holds the administrators' passwords.
"""
