"""The commands of ``grind``, and how all of them speak: results on stdout, progress and errors on stderr."""
