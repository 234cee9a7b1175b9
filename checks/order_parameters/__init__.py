"""Experiments of the order-parameter family: where its laws meet simulated committees."""
