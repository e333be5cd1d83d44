"""What tasks of a declared app must leave behind, computed from its declaration and the start's rows.

Nothing here runs an operation: the declaration is read a second time, on plain rows, so that an engine, an oracle or a
generator that reads it otherwise is found out when the two are compared.
"""
