"""Stability of SGD near saddles and minima: Lyapunov exponents of random multipliers and matrix products."""
