"""Applications whose whole state is one SQLite database."""
