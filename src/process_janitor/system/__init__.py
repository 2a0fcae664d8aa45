"""What can see or touch the machine."""
