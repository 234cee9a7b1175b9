"""Laws of products of random matrices: spectra, critical learning rates, vector inputs."""

from __future__ import annotations

from theory.law import Law
from theory.stability.matrix_criteria import CRITERIA
from theory.stability.matrix_momentum import MOMENTUM_LAWS
from theory.stability.matrix_product import PRODUCT_LAWS
from theory.stability.matrix_rank_one import RANK_ONE_LAWS
from theory.stability.matrix_signal import SIGNAL_LAWS
from theory.stability.matrix_symmetric import SYMMETRIC_MATRIX_LAWS
from theory.stability.matrix_vector import VECTOR_LAWS

MATRIX_LAWS: tuple[Law, ...] = (
    *PRODUCT_LAWS,
    *RANK_ONE_LAWS,
    *SYMMETRIC_MATRIX_LAWS,
    *VECTOR_LAWS,
    *SIGNAL_LAWS,
    *CRITERIA,
    *MOMENTUM_LAWS,
)
