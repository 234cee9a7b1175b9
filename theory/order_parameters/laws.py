"""All laws of the family."""

from __future__ import annotations

from theory.law import Law
from theory.order_parameters import (
    anisotropic_laws,
    bad_learning_laws,
    bias_laws,
    clt_laws,
    committee_laws,
    data_laws,
    diffusion_laws,
    equation_laws,
    expectation_laws,
    finite_laws,
    fluctuation_laws,
    identical_laws,
    identity_laws,
    information_laws,
    minibatch_laws,
    one_step_laws,
    overparametrised_laws,
    perfect_laws,
    phase_laws,
    plateau_laws,
    single_unit_laws,
    trajectory_laws,
)

LAWS: tuple[Law, ...] = (
    *identity_laws.LAWS,
    *expectation_laws.LAWS,
    *equation_laws.LAWS,
    *trajectory_laws.LAWS,
    *minibatch_laws.LAWS,
    *phase_laws.LAWS,
    *perfect_laws.LAWS,
    *committee_laws.LAWS,
    *plateau_laws.LAWS,
    *single_unit_laws.LAWS,
    *finite_laws.LAWS,
    *one_step_laws.LAWS,
    *fluctuation_laws.LAWS,
    *clt_laws.LAWS,
    *diffusion_laws.LAWS,
    *bias_laws.LAWS,
    *bad_learning_laws.LAWS,
    *data_laws.LAWS,
    *identical_laws.LAWS,
    *information_laws.LAWS,
    *anisotropic_laws.LAWS,
    *overparametrised_laws.LAWS,
)
