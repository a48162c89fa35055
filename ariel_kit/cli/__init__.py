"""The command line: verbs only. Each verb imports what it needs when it is called.

Exit codes: 0 done; 1 a mistake of the user, told in one line; 2 done, but with failed planets or
with a submission that has faults; 130 interrupted.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ariel_kit.cli import data, learn, line, ship
from ariel_kit.errors import ArielKitError
from ariel_kit.runtime import setup_logging

VERBS = {
    "doctor": data.doctor,
    "simulate": data.simulate,
    "demo": line.demo,
    "calibrate": data.calibrate,
    "run": line.run,
    "infer": line.run,
    "validate": line.validate,
    "score": line.score_submission,
    "train": learn.train,
    "cv": learn.cv,
    "models": learn.list_networks,
    "ablate": learn.ablate,
    "report": ship.report,
    "bundle": ship.bundle,
    "config": ship.show_config,
}
"""Every verb, in the order in which ``ariel-kit --help`` lists them."""

INTERRUPTED = 130

app = typer.Typer(
    help="From raw Ariel detector frames to a transmission spectrum with honest error bars.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for _name, _verb in VERBS.items():
    app.command(_name)(_verb)

# Root of the parser's errors: typer brings its own copy of click or uses the installed one,
# depending on its version.
_ParserError: Any = typer.BadParameter.__mro__[2]


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and return its exit code."""
    try:
        code = app(arguments, prog_name="ariel-kit", standalone_mode=False) or 0
    except _ParserError as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "ariel-kit"
        return _refuse(f"{error.format_message()} See: {where} --help")
    except (ArielKitError, OSError) as error:  # OSError: no permission, no room on the disk
        return _refuse(str(error))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:  # newer typer turns Ctrl-C into this code by itself
        _refuse("interrupted; the same command goes on where this one stopped.")
    return code


@app.callback()
def _before_every_verb(
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    setup_logging(log_level)  # type: ignore[arg-type]


def _refuse(message: str) -> int:
    typer.echo(f"ariel-kit: {message}", err=True)
    return 1
