"""Modified equations of any order, the principal flow, and closed forms around the edge of stability."""
