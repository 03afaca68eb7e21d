"""Proxies beside each other: what ``benchmarks/proxy.py`` starts, loads and reports."""
