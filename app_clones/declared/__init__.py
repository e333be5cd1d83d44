"""Apps as data: a declaration in, tables, tools, API and pages out."""
