"""Gradient noise of a network: laws that only measurements on a network can confirm or refute."""

from __future__ import annotations

import sympy as sp

from theory.escape import noise
from theory.escape.sources import MORI
from theory.law import Law, Regime, mutant_value

TRACE_NETWORK = Law(
    id="escape.gradient_noise.trace_network",
    title="Trace of the gradient noise of a network",
    statement="Tr Sigma B / (2 L Tr C) = 1 up to small corrections, C the exact Gram matrix of grad f.",
    quantity=sp.Symbol("ratio"),
    parameters=(),
    derive=noise.trace_network,
    definition=None,
    sources=(MORI,),
    mutants=(mutant_value("without the factor 2", lambda: 2.0), mutant_value("half", lambda: 0.5)),
    rungs=("net",),
    regime=Regime("residual and gradient independent", "10 %"),
)

PROPORTIONAL_TO_LOSS = Law(
    id="escape.gradient_noise.proportional_to_loss",
    title="Gradient noise proportional to the loss along training",
    statement="The rank correlation of Tr Sigma and L along training is 1 (Tr C constant).",
    quantity=sp.Symbol("rho_s"),
    parameters=(),
    derive=noise.proportional_trace,
    definition=None,
    sources=(MORI,),
    mutants=(mutant_value("no relation", lambda: 0.0),),
    rungs=("net",),
    regime=Regime("Tr C constant along training", "order 1 where it is not"),
)

NETWORK_NOISE_LAWS = (TRACE_NETWORK, PROPORTIONAL_TO_LOSS)
