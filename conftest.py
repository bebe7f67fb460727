"""Doctests are collected from every module, but for those that need what is not installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("triton") else ["spikefa/scan/cuda.py"]
