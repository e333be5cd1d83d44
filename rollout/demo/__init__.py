"""``make demo``: the whole path once, on this machine, from two specs to a better policy and a page that shows it."""
