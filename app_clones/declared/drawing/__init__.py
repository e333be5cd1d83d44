"""How the first rows of a declared app are drawn: which drawer a field has, and the words that it draws from."""
