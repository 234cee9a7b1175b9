"""Parameters and sources of the symmetry family: one key, one symbol, one meaning."""

from __future__ import annotations

import sympy as sp

from theory.parameter import (
    Constraint,
    Domain,
    Parameter,
    choice,
    integer,
    matrix,
    nonnegative,
    positive,
    real,
    real_list,
)
from theory.source import Source

ZIYIN = Source("ziyin2024symmetry", "L. Ziyin, M. Wang, H. Li, L. Wu",
               "Parameter Symmetry and Noise Equilibrium of Stochastic Gradient Descent", 2024)  # fmt: skip
BALANCE = Source("ziyin2023balance", "L. Ziyin, H. Li, M. Ueda", "Law of Balance and Stationary Distribution of SGD",
                 2023)  # fmt: skip
KUNIN = Source("kunin2021mechanics", "D. Kunin, J. Sagastuy-Brena, S. Ganguli, D. Yamins, H. Tanaka",
               "Neural Mechanics", 2021)  # fmt: skip
TANAKA = Source("tanaka2021noether", "H. Tanaka, D. Kunin", "Noether's Learning Dynamics", 2021)
MARCOTTE = Source("marcotte2023abide", "S. Marcotte, R. Gribonval, G. Peyre", "Abide by the Law and Follow the Flow",
                  2023)  # fmt: skip
DU = Source("du2018regularization", "S. Du, W. Hu, J. Lee",
            "Algorithmic Regularization in Learning Deep Homogeneous Models", 2018)  # fmt: skip
BARRETT = Source("barrett2021implicit", "D. Barrett, B. Dherin", "Implicit Gradient Regularization", 2021)
KOSSON = Source("kosson2023rotational", "A. Kosson, B. Messmer, M. Jaggi", "Rotational Equilibrium", 2023)

ETA = sp.Symbol("eta", positive=True)
BATCH = sp.Symbol("S", positive=True)
DECAY = sp.Symbol("wd", nonnegative=True)
MOMENTUM = sp.Symbol("mu", nonnegative=True)
STEPS = sp.Symbol("t", integer=True, nonnegative=True)
CHARGE = sp.Symbol("C", real=True)
U, W = sp.Symbol("u", real=True), sp.Symbol("w", real=True)
X, Y = sp.Symbol("x", real=True), sp.Symbol("y", real=True)
DATA_SIZE = sp.Symbol("N", integer=True, positive=True)
GRADIENT_FORM = sp.Symbol("q", real=True)
NOISE_FORM = sp.Symbol("s", real=True)
MEAN_FORM = sp.Symbol("m", real=True)
INPUTS, TARGETS = sp.IndexedBase("x"), sp.IndexedBase("y")

learning_rate = Parameter("learning_rate", ETA, "learning rate eta", positive(0.02, 0.3))
batch_size = Parameter("batch_size", BATCH, "batch size S", integer(1, (1, 3))).with_default(1)
weight_decay = Parameter("weight_decay", DECAY, "coupled weight decay wd", nonnegative(0.02, 0.6)).with_default(0)
positive_decay = Parameter("weight_decay", DECAY, "coupled weight decay wd > 0", positive(0.02, 0.6))
momentum = Parameter("momentum", MOMENTUM, "heavy-ball momentum mu in [0, 1)",
                     Domain("real", low=0.0, high=1.0, high_open=True, region=(0.1, 0.9))).with_default(0)  # fmt: skip
steps = Parameter("steps", STEPS, "number of steps", integer(0, (1, 12)))
charge = Parameter("charge", CHARGE, "charge C at the start", real(-2.0, 2.0))
gradient_form = Parameter("gradient_form", GRADIENT_FORM, "g^T A g of the raw batch gradient", real(-2.0, 2.0))
noise_form = Parameter("noise_form", NOISE_FORM, "Tr[Sigma A], per-sample covariance", real(-2.0, 2.0))
mean_gradient_form = Parameter("mean_gradient_form", MEAN_FORM, "(grad L)^T A (grad L)", real(-2.0, 2.0))
replacement = Parameter("replacement", None, "batches drawn with or without replacement", choice("with", "without"))
replacement = replacement.with_default("with")
data_size = Parameter("data_size", DATA_SIZE, "number N of samples (needed without replacement)", integer(2, (4, 5)))
data_size = data_size.with_default(None)
first_weight = Parameter("first_weight", U, "weight u (outgoing)", real(0.4, 1.6))
second_weight = Parameter("second_weight", W, "weight w (incoming)", real(-1.5, -0.3))
input_value = Parameter("input", X, "input x of one sample", real(0.5, 1.5))
target_value = Parameter("target", Y, "target y of one sample", real(-1.0, 1.0))
inputs = Parameter("inputs", INPUTS, "inputs x_i", real_list(-1.5, 1.5, (4, 4)), length=DATA_SIZE)
targets = Parameter("targets", TARGETS, "targets y_i", real_list(-1.5, 1.5, (4, 4)))
flow_parameter = Parameter("flow_parameter", sp.Symbol("lambda", real=True), "position lambda on the orbit",
                           real(-0.8, 0.8))  # fmt: skip
first_norm = Parameter("first_norm_squared", sp.Symbol("n_u", positive=True), "|u|^2", positive())
second_norm = Parameter("second_norm_squared", sp.Symbol("n_w", positive=True), "|w|^2", positive())
first_noise = Parameter("first_noise", sp.Symbol("s_u", nonnegative=True), "s_u = Tr Sigma_uu", nonnegative(0.2, 2.0))
second_noise = Parameter("second_noise", sp.Symbol("s_w", nonnegative=True), "s_w = Tr Sigma_ww", nonnegative(0.2, 2))
norm_squared = Parameter("norm_squared", sp.Symbol("n", positive=True), "|theta|^2", positive())
noise_trace = Parameter("noise_trace", sp.Symbol("s_theta", positive=True), "Tr Sigma", positive())
gradient_scale = Parameter("gradient_scale", sp.Symbol("G", positive=True), "G: |g| = G/|theta|", positive())

EIGENVALUES, COMPONENTS, NOISES = sp.IndexedBase("mu"), sp.IndexedBase("c"), sp.IndexedBase("s")
SPECTRUM_SIZE = sp.Symbol("n", integer=True, positive=True)
generator_eigenvalues = Parameter("generator_eigenvalues", EIGENVALUES, "eigenvalues mu_i of A",
                                  real_list(-1.5, 1.5, (4, 4)), length=SPECTRUM_SIZE)  # fmt: skip
components = Parameter("components", COMPONENTS, "components n_i . theta", real_list(-1.5, 1.5, (4, 4)))
noise_components = Parameter("noise_components", NOISES, "n_i^T Sigma n_i >= 0",
                             Domain("list", low=0.0, region=(0.2, 2.0), sizes=(4, 4)))  # fmt: skip

first_factor = Parameter("first_factor", None, "factor U (d_y x r)", matrix(-1.5, 1.5, (2, 2)))
second_factor = Parameter("second_factor", None, "factor W (r x d_x)", matrix(-1.5, 1.5, (2, 2)))

SAME_LENGTH = Constraint(
    lambda v: len(v["inputs"]) == len(v["targets"]), "inputs and targets have different lengths; give equally many"
)
SPECTRUM = Constraint(
    lambda v: len(v["generator_eigenvalues"]) == len(v["components"]) == len(v["noise_components"]),
    "generator_eigenvalues, components and noise_components have different lengths; give equally many",
)
BATCH_FITS = Constraint(
    lambda v: v["replacement"] == "with" or (v.get("data_size") or len(v.get("inputs", ()))) >= v["batch_size"],
    "without replacement the batch needs data_size >= batch_size; give a smaller batch or data_size",
)
