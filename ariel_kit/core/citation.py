"""How to cite the kit and the challenge whose data it reads."""

from __future__ import annotations

from importlib.metadata import version

TITLE = (
    "ariel_kit: from raw Ariel detector frames to a transmission spectrum with honest error bars"
)


def citation(edition: int) -> str:
    """Say in words what to cite, for an edition of the challenge.

    >>> citation(2024).splitlines()[1]
    'NeurIPS Ariel Data Challenge 2024. Data under CC BY-NC 4.0.'
    """
    kit = f"The ariel_kit developers. {TITLE}. Version {version('ariel-kit')}."
    return f"{kit}\nNeurIPS Ariel Data Challenge {edition}. Data under CC BY-NC 4.0."


def bibtex() -> str:
    """Give the kit's entry for a bibliography.

    >>> print(bibtex().splitlines()[0])
    @software{ariel_kit,
    """
    entry = {
        "author": "{The ariel_kit developers}",
        "title": TITLE,
        "version": version("ariel-kit"),
        "year": "2026",
    }
    fields = ",\n".join(f"  {name} = {{{value}}}" for name, value in entry.items())
    return f"@software{{ariel_kit,\n{fields}\n}}"
