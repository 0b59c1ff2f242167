"""Stands in for Maya's Python modules: takes the documented arguments and no others."""
