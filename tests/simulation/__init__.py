"""Random machines of real processes, each in a PID namespace of its own, and what the janitor does to them."""
