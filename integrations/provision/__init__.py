"""Tenants described in a file: read, checked as a whole, then written as a whole."""
