"""Sage 300: vendors, A/P invoice batches and G/L accounts of one company through its Web API."""
