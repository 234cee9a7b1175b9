"""What the theory says: laws, their derivations and their definitions (SymPy and mpmath, never torch)."""
