"""The parts of bootstrap.py: Python 3.9, standard library only."""
