"""Online learning of two-layer networks in high dimension: overlaps, their ODEs, phases, floors and fluctuations."""
