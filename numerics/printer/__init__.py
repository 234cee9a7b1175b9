"""SymPy -> torch: closed forms become differentiable, broadcasting functions of tensors.

SymPy's own ``lambdify(..., modules="torch")`` is unusable for closed forms: constants reach ``torch.sqrt`` as Python
numbers, matrices are detached, half of the special functions are missing, Piecewise leaks NaN into gradients.
Here an expression passes three stages, one module each:

1. ``lowering``: every symbol gets a name of ours, symbol-free parts become literals, sums, branches and indices become
   calls; whatever torch cannot say is refused by name;
2. ``source``: the printer proper, with its table of functions;
3. ``compiled``: the callable, which lifts floats and arrays and broadcasts the results (``runtime`` is what the
   generated code calls).
"""

from __future__ import annotations

from numerics.printer.compiled import Compiled, compile_torch

__all__ = ["Compiled", "compile_torch"]
