"""BILL (bill.com), v3 API: vendors, bills, payments and webhooks of one organization."""
