"""Isolated, forkable copies of a file tree in which untrusted code runs."""
