"""AvidXchange through a profile: one accounting system of one tenant, whatever its paths and field names."""
