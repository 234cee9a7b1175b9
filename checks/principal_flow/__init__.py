"""Experiments of the principal_flow family: what is simulated, apart from what is claimed about it."""
