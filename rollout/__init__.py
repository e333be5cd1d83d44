"""Play, record, replay, learn, serve."""
