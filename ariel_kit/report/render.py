"""Fill the templates of pages."""

from __future__ import annotations

from pathlib import Path

from ariel_kit.core.cache import atomic_path

TEMPLATES = Path(__file__).parents[1] / "templates"


def render(template: str, path: Path, **values: object) -> Path:
    """Fill a template and write the page; every value is escaped.

    Parameters
    ----------
    template : str
        Name of the file among the kit's templates.
    path : Path
        The page, which appears whole or not at all.
    **values
        Values of the names that the template uses; a missing name is an error.

    Returns
    -------
    Path
        The page.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(template).render(**values)
    with atomic_path(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return path
