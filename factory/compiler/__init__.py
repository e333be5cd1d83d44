"""An API description in, an app out: read, inferred, declared, proven."""
