"""Two drivers over the same pages, one observation: ``dom`` computes what ``chromium`` shows."""
