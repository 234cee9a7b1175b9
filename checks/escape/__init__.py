"""Experiments of the escape family: flow, chain, real minibatches and a network."""
