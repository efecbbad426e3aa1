"""AvidXchange: vendors, coding lists and invoices out, payments back, in the words of a profile."""
