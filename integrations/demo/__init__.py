"""The product at work on one machine: the vendors' sandboxes, a tenant, a day of business, checked by itself."""
