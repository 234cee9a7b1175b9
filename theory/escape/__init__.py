"""The power-law escape rate of SGD: gradient noise, stationary laws, escape rates, and what real minibatches do."""
