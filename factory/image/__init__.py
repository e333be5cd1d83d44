"""A world as an OCI image: a locked base, the apps' code, the world's bytes, and one command that serves them."""
