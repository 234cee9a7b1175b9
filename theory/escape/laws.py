"""All laws of the escape family, in the order of the theory sheet: priority A, B, C."""

from __future__ import annotations

from theory.escape.chain_laws import CHAIN_LAWS, CHAIN_LAWS_B
from theory.escape.constant_noise_laws import CONSTANT_NOISE_LAWS
from theory.escape.discrete_laws import DISCRETE_LAWS, DISCRETE_LAWS_B
from theory.escape.excess_laws import EXCESS_LAWS, EXCESS_LAWS_B
from theory.escape.far_laws import FAR_LAWS
from theory.escape.hamiltonian_laws import HAMILTONIAN_LAWS
from theory.escape.large_deviation_laws import LARGE_DEVIATION_LAWS
from theory.escape.moment_laws import MOMENT_LAWS
from theory.escape.network_noise_laws import NETWORK_NOISE_LAWS
from theory.escape.noise_laws import NOISE_LAWS
from theory.escape.passage_expansions import PASSAGE_EXPANSIONS
from theory.escape.passage_laws import PASSAGE_LAWS
from theory.escape.rate_laws import RATE_LAWS
from theory.escape.stationary_laws import STATIONARY_LAWS
from theory.escape.tail_laws import TAIL_LAWS
from theory.escape.transverse import TRANSVERSE_LAWS
from theory.law import Law

LAWS: tuple[Law, ...] = (
    NOISE_LAWS
    + NETWORK_NOISE_LAWS
    + STATIONARY_LAWS
    + MOMENT_LAWS
    + RATE_LAWS
    + FAR_LAWS
    + PASSAGE_LAWS
    + LARGE_DEVIATION_LAWS
    + TAIL_LAWS
    + DISCRETE_LAWS
    + EXCESS_LAWS
    + CHAIN_LAWS
    + CHAIN_LAWS_B
    + PASSAGE_EXPANSIONS
    + HAMILTONIAN_LAWS
    + DISCRETE_LAWS_B
    + EXCESS_LAWS_B
    + CONSTANT_NOISE_LAWS
    + TRANSVERSE_LAWS
)
