"""Code that runs inside a sandbox, brought in by the factory. Never imported outside one."""
