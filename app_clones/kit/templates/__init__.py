"""The templates and style sheet of the admin view; a package so that they are installed with the code."""
