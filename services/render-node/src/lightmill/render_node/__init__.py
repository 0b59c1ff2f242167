"""Runs on every render machine: fetches, renders, checks, stores, reports."""
