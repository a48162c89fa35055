"""How to cite the kit and the challenge whose data it reads."""

from __future__ import annotations

from importlib.metadata import version
from textwrap import fill

TITLE = "From raw Ariel detector frames to a transmission spectrum with honest error bars"


def citation(edition: int, kit: str | None = None) -> str:
    """Write the text of a citation.

    Parameters
    ----------
    edition : int
        Of the challenge whose data were used.
    kit : str, optional
        Version of the kit that made the results; the installed one when left out.

    Returns
    -------
    str

    Examples
    --------
    >>> print(citation(2024, "0.1.0"))
    The ariel_kit developers. ariel_kit 0.1.0: from raw Ariel detector frames to a transmission
    spectrum with honest error bars.
    <BLANKLINE>
    NeurIPS Ariel Data Challenge 2024. Data under CC BY-NC 4.0.
    """
    name = f"ariel_kit {kit or version('ariel-kit')}: {TITLE[0].lower()}{TITLE[1:]}."
    own = fill(f"The ariel_kit developers. {name}", 92)
    return f"{own}\n\nNeurIPS Ariel Data Challenge {edition}. Data under CC BY-NC 4.0."


def bibtex(kit: str | None = None) -> str:
    """Give the kit's entry for a bibliography.

    Parameters
    ----------
    kit : str, optional
        As in `citation`.

    Returns
    -------
    str

    Examples
    --------
    >>> print(bibtex("0.1.0").splitlines()[3])
      version = {0.1.0},
    """
    entry = {
        "author": "{The ariel_kit developers}",
        "title": f"ariel_kit: {TITLE[0].lower()}{TITLE[1:]}",
        "version": kit or version("ariel-kit"),
        "year": "2026",
    }
    fields = ",\n".join(f"  {name} = {{{value}}}" for name, value in entry.items())
    return f"@software{{ariel_kit,\n{fields}\n}}"
