"""Pages for people: what a run did, read step by step."""
