"""The core of the Gmail REST API v1 over the mail app's state."""
