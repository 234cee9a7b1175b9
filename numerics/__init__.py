"""What SGD does: simulators, ensembles and statistics (torch, NumPy, SciPy)."""
