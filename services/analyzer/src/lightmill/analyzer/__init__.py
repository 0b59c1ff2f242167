"""Looks into scenes: settings, cameras, what they depend on, what is missing."""
