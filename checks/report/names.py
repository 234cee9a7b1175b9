"""How ids and numbers are written: in file names, on narrow screens, typeset."""

from __future__ import annotations

import hashlib
import re

from markupsafe import Markup, escape

from checks import table

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def file_stem(law_id: str) -> str:
    """Return the id itself if it is a plain file name, else one made of it that collides with no other.

    >>> file_stem("family.topic.variant")
    'family.topic.variant'
    >>> file_stem("../a b").startswith("___a_b-")
    True
    """
    if _SAFE.fullmatch(law_id) and len(law_id) < 120:
        return law_id
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", law_id)[:80]
    return f"{plain}-{hashlib.sha256(law_id.encode()).hexdigest()[:8]}"


def breakable(law_id: str) -> Markup:
    """Return an id which narrow screens may break after its dots and underscores."""
    return Markup(str(escape(law_id)).replace(".", ".<wbr>").replace("_", "_<wbr>"))


def typeset(text: str) -> Markup:
    """Return a cell of the text table with ± and powers of ten as they are printed.

    >>> str(typeset("2.1e+06 +- 3e-05"))
    '2.1·10<sup>6</sup> ± 3·10<sup>-5</sup>'
    """
    shown = str(escape(text)).replace("+-", "±").replace("&lt;=", "≤")
    return Markup(table.POWER.sub(_power, shown))


def _power(found: re.Match[str]) -> str:
    mantissa, exponent = found[1], int(found[2])
    return "0" if not float(mantissa) else mantissa if not exponent else f"{mantissa}·10<sup>{exponent}</sup>"
