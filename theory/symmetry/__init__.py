"""Symmetries of the loss, their Noether charges, and how discrete SGD and its noise break the conservation laws."""
