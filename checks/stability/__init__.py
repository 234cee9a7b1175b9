"""Experiments of the stability family: what is simulated, apart from what is claimed about it."""
