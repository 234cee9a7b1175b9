"""Speed against peers and floors: ``python -m benchmarks`` (ratios of interleaved rounds on one thread)."""
