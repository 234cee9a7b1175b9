"""Diagrams that belong to a family rather than to one law."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

import theory
from checks.report.figures import Drawn
from checks.report.style import INK, LINES, MUTED, REGIONS, new_figure, save, styled
from theory.escape.atlas import validity_atlas

Grid = NDArray[np.float64]
_NEAR, _WIDE = 0.03, 0.10
_BETWEEN = {1: 0.2, 3: 0.168}


@styled
def diagrams(folder: Path, families: Collection[str]) -> list[Drawn]:
    """Draw the diagrams of these families."""
    makers = {
        "order_parameters": exponent_phases, "escape": validity, "principal_flow": coefficients,
        "stability": four_phases,
    }  # fmt: skip
    return [make(folder) for family, make in makers.items() if family in families]


def _tensor(values: Grid) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.float64)


def _region(axes: Axes, x: Grid, y: Grid, inside: Grid, colour: str) -> None:
    """Fill where ``inside`` is positive."""
    if inside.max() > 0:
        axes.contourf(x, y, inside, levels=[0.0, float(inside.max()) + 1.0], colors=[colour])


def _name(axes: Axes, x: Grid, y: Grid, inside: Grid, name: str) -> float:
    """Write a region's name into its middle and return its share of the plane shown."""
    share = float((inside > 0).mean())
    if share > 0.01:
        deepest = np.unravel_index(np.argmax(_depth(inside > 0)), inside.shape)
        axes.text(x[deepest[1]], y[deepest[0]], name, ha="center", va="center", color=INK, fontsize=8)
    return share


def _depth(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of every point of a grid to the outside of a region, in steps that count width twice."""
    from scipy.ndimage import distance_transform_edt

    padded = np.pad(inside, 1)
    return np.asarray(distance_transform_edt(padded, sampling=(2, 1)))[1:-1, 1:-1]


def four_phases(folder: Path) -> Drawn:
    """Phases of the scalar two-layer network, from the signs of the two exponents."""
    figure, (left, right) = new_figure(9.0, 3.6, 2)
    rates, ratios = np.linspace(0.02, 5.0, 240), np.linspace(0.02, 0.98, 160)
    law = theory.law("stability.phase.two_point")
    plus, minus = _exponents(law, rates, ratios, "anti_ratio", {})
    shares = _phases(left, rates, ratios, plus, minus)
    ratio, rate = theory.law("stability.phase.quadruple_point")()
    left.plot(rate, ratio, "o", color=INK, ms=5)
    left.set(xlabel="learning_rate", ylabel="anti_ratio a", title="z = 1 or -a, equally likely")
    rates, stds = np.linspace(0.02, 2.6, 160), np.linspace(0.1, 3.0, 120)
    law = theory.law("stability.phase.scalar_net_normal")
    plus, minus = _exponents(law, rates, stds, "curvature_std", {"curvature_mean": 0.4})
    _phases(right, rates, stds, plus, minus)
    right.set(xlabel="learning_rate", ylabel="curvature_std", title="z normal with mean 0.4")
    save(figure, folder / "four_phases.svg")
    covered = ", ".join(f"{n} {s:.0%}" for n, s in zip(("I", "II", "III", "IV"), shares, strict=True))
    return Drawn(
        "four_phases.svg",
        "Four phases of the scalar two-layer network, from the signs of its two exponents: I the correct sign is "
        "learned, II the wrong sign, III collapse, IV no attraction. Normal z never gives phase II.",
        f"Two phase diagrams over the learning rate. Left, z is 1 or -a: phases cover {covered} of the plane, and all "
        f"four meet at a = {ratio:.4f}, learning rate {rate:.4f}. Right, normal z: phases I, III and IV only.",
        wide=True,
    )


def _exponents(law: theory.Law, x: Grid, y: Grid, key: str, fixed: dict[str, float]) -> tuple[Grid, Grid]:
    values = {"learning_rate": _tensor(x)[None, :], key: _tensor(y)[:, None], **fixed}
    plus, minus = law(**values)
    return plus.numpy(), minus.numpy()


def _phases(axes: Axes, x: Grid, y: Grid, plus: Grid, minus: Grid) -> list[float]:
    inside = (np.minimum(plus, -minus), np.minimum(-plus, minus), np.minimum(-plus, -minus), np.minimum(plus, minus))
    names = ("I correct", "II wrong sign", "III collapse", "IV unstable")
    for colour, field in zip(REGIONS, inside, strict=True):
        _region(axes, x, y, field, colour)
    return [_name(axes, x, y, field, name) for field, name in zip(inside, names, strict=True)]


def exponent_phases(folder: Path) -> Drawn:
    """Regimes of width p0 d^kappa and learning rate gamma0 d^-delta, with the exponent of convergence."""
    figure, (axes,) = new_figure(5.6, 3.9)
    kappas, deltas = np.linspace(0.0, 1.0, 11), np.linspace(-1.2, 0.6, 19)
    learning, noise = (_exponent(f"{term}_term_exponent", kappas, deltas) for term in ("learning", "noise"))
    inside = {
        "perfect learning": np.minimum(learning - noise, -learning),
        "bad learning": np.minimum(noise - learning, -noise),
        "no ODE": np.maximum(learning, noise),
    }
    for colour, field in zip((REGIONS[0], REGIONS[2], REGIONS[3]), inside.values(), strict=True):
        _region(axes, kappas, deltas, field, colour)
    axes.contour(kappas, deltas, learning - noise, levels=[0.0], colors=[INK], linewidths=2)
    axes.text(0.52, -0.5, "plateau line: both terms", color=INK, rotation=-45, rotation_mode="anchor",
              transform_rotates_text=True, ha="center", va="bottom", fontsize=8)  # fmt: skip
    exponent = _exponent("convergence_exponent", kappas, deltas)
    lines = axes.contour(kappas, deltas, exponent, levels=[0.2, 0.4, 0.6, 0.7], colors=[INK], linewidths=0.5)
    axes.clabel(lines, fontsize=7, fmt="c = %.1f", manual=[(0.2, -0.5), (0.2, -0.3), (0.3, -0.1), (0.3, 0.1)])
    for name, spot in zip(inside, ((0.6, 0.2), (0.8, -1.0), (0.22, -1.0)), strict=True):
        axes.text(*spot, name, ha="center", va="center", color=INK, fontsize=8)
    axes.set(xlabel="kappa (width exponent)", ylabel="delta (learning-rate exponent)")
    save(figure, folder / "exponent_phases.svg")
    return Drawn(
        "exponent_phases.svg",
        "Regimes in the exponents of width p0 d^kappa and learning rate gamma0 d^-delta; the contours give the exponent "
        "c of the distance d^-c to the ODE.",
        "Phase diagram over kappa from 0 to 1 and delta from -1.2 to 0.6: perfect learning above the plateau line "
        "kappa + delta = 0, bad learning between it and kappa + delta = -1/2, no ODE below.",
    )


def _exponent(name: str, kappas: Grid, deltas: Grid) -> Grid:
    law = theory.law(f"order_parameters.phase.{name}")
    values = [[law(kappa=float(k), delta=float(d)) for k in kappas] for d in deltas]
    return np.array([[np.nan if v is None else v for v in row] for row in values])


def validity(folder: Path) -> Drawn:
    """Where the closed-form escape rate follows the exact first-passage time."""
    figure, panels = new_figure(9.0, 3.6, 2)
    temperatures, ratios = np.geomspace(0.01, 2.0, 90), np.geomspace(1.02, 100.0, 90)
    shares = []
    for axes, dimension in zip(panels, (1, 3), strict=True):
        error = np.abs(np.array(validity_atlas(list(temperatures), list(ratios), dimension)))
        # on a logarithmic scale the contours of a quantity that runs through zero and to infinity stay smooth
        size = np.log10(np.clip(error, 1e-4, 1.0))
        for limit, colour in ((_WIDE, REGIONS[1]), (_NEAR, REGIONS[0])):
            _region(axes, ratios, temperatures, np.log10(limit) - size, colour)
        axes.contour(
            ratios,
            temperatures,
            size,
            levels=[np.log10(_NEAR), np.log10(_WIDE)],
            colors=[INK],
            linewidths=0.8,
            linestyles="solid",
        )
        for temperature, name in ((0.03, "within 3 %"), (_BETWEEN[dimension], "within 10 %"), (1.0, "worse")):
            axes.text(30.0, temperature, name, ha="center", va="center", color=INK, fontsize=8)
        shares.append([float((error <= limit).mean()) for limit in (_NEAR, _WIDE)])
        axes.set(xscale="log", yscale="log", xlabel="barrier_ratio", ylabel="temperature")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
            axis.set_minor_formatter(NullFormatter())
        axes.set_title("double well, one dimension" if dimension == 1 else f"isotropic bowl, {dimension} dimensions")
    save(figure, folder / "validity_atlas.svg")
    (near, wide), (near3, wide3) = shares
    return Drawn(
        "validity_atlas.svg",
        "Validity atlas: relative error of the closed-form escape rate against the exact mean passage time, within 3 % "
        "(inner) and 10 % (outer). Left the one-dimensional law, right the two-term law of the bowl.",
        f"Two maps over barrier ratio 1.02 to 100 and temperature 0.01 to 2. In one dimension the closed form is within "
        f"3 % on {near:.0%} and within 10 % on {wide:.0%} of the map; in the bowl on {near3:.0%} and {wide3:.0%}.",
        wide=True,
    )


def coefficients(folder: Path) -> Drawn:
    """Coefficients of the flows: negative gradient, implicit regularisation, third order, principal."""
    figure, (axes,) = new_figure(6.4, 3.8)
    x = np.linspace(-3.0, 3.0, 241)
    names = {"ngf": "negative gradient flow", "igr": "IGR flow", "third_order": "third order"}
    for style, (key, name) in zip((":", "--", "-."), names.items(), strict=True):
        law = theory.law(f"principal_flow.coefficient.{key}")
        y = [law(scaled_curvature=float(v)) for v in x]
        axes.plot(x, y, ls=style, color=MUTED, lw=1.5, label=name)
    principal = theory.law("principal_flow.coefficient.principal")
    # logarithmic singularity at 1, where the curves break off; its branch beyond 1 is complex
    for part, (start, stop) in enumerate(((-3.0, 1.0), (1.0, 3.0))):
        grid = start + (stop - start) * (1 - np.cos(np.linspace(0.03, np.pi - 0.03, 161))) / 2
        values = [principal(scaled_curvature=float(v)) for v in grid]
        labels = ("principal flow, real part", "principal flow, imaginary part") if part else ("_", "_")
        for n, colour in ((0, LINES[0]), (1, LINES[2])):
            axes.plot(grid, [v[n] for v in values], color=colour, lw=2, label=labels[n])
    axes.set(
        xlabel="scaled_curvature x = learning rate times eigenvalue", ylabel="coefficient alpha(x)", ylim=(-5, 3.5)
    )
    axes.legend(loc="lower left", labelcolor=INK)
    save(figure, folder / "flow_coefficients.svg")
    peak = theory.law("principal_flow.coefficient.maximum_growth")()
    return Drawn(
        "flow_coefficients.svg",
        "Coefficient of each modified flow along an eigenvector. Beyond x = 1 the principal flow turns complex "
        "(oscillation); beyond x = 2 its real part is positive (instability). Truncations know neither.",
        f"Curves over x from -3 to 3. The principal coefficient is about -0.55 at x = -2, dives to minus infinity at "
        f"x = 1, crosses zero at x = 2 and never exceeds {peak:.4f}; the truncations are polynomials.",
    )
