"""Connectors to vendor systems: plain Python, importable without Django or a database."""
