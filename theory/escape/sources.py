"""Sources of the escape family."""

from __future__ import annotations

from theory.source import Source

MORI = Source(
    "mori2022", "T. Mori, L. Ziyin, K. Liu, M. Ueda", "Power-law escape rate of SGD", 2022, "2105.09557", "ICML"
)
GURBUZBALABAN = Source(
    "gurbuzbalaban2021", "M. Gurbuzbalaban, U. Simsekli, L. Zhu", "The heavy-tail phenomenon in SGD", 2021, "2006.04740"
)
KESTEN = Source(
    "kesten1973", "H. Kesten", "Random difference equations and renewal theory for products of random matrices", 1973,
    venue="Acta Mathematica 131, 207",
)  # fmt: skip
LIU = Source(
    "liu2021", "K. Liu, L. Ziyin, M. Ueda", "Noise and fluctuation of finite learning rate SGD", 2021, "2012.03636"
)
ZIYIN = Source(
    "ziyin2022", "L. Ziyin, K. Liu, T. Mori, M. Ueda", "Strength of minibatch noise in SGD", 2022, "2102.05375"
)
ZHU = Source(
    "zhu2019", "Z. Zhu, J. Wu, B. Yu, L. Wu, J. Ma", "The anisotropic noise in stochastic gradient descent", 2019,
    "1803.00195",
)  # fmt: skip
BROADIE = Source(
    "broadie1997", "M. Broadie, P. Glasserman, S. Kou", "A continuity correction for discrete barrier options", 1997,
    venue="Mathematical Finance 7, 325",
)  # fmt: skip
