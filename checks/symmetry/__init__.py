"""Experiments of the symmetry family: what is trained, simulated and integrated, apart from what is claimed about it."""
