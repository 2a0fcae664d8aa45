"""What changes the machine: signals and the journal of them."""
