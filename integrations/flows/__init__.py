"""Policy per record type: what is staged, how it is judged, what is sent. No vendor names."""
