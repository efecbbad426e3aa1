"""monday.com: one item a record on work boards, written through its GraphQL API."""
