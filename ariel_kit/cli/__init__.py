"""The command line: verbs only. Each verb imports what it needs when it is called.

Exit codes: 0 done; 1 a mistake of the user, told in one line; 2 done, but with failed planets, or
a submission that has faults; 70 a fault of the kit, with what to report; 130 interrupted.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import typer

from ariel_kit.cli import answers, bench, data, learn, line, networks, ship
from ariel_kit.core.errors import ArielKitError, SubmissionError, describe_bug, did_you_mean
from ariel_kit.core.runtime import setup_logging
from ariel_kit.core.words import readable

VERBS: dict[str, Callable[..., int]] = {
    "doctor": data.doctor,
    "simulate": data.simulate,
    "demo": line.demo,
    "calibrate": data.calibrate,
    "learn": learn.learn,
    "run": line.run,
    "infer": line.run,
    "validate": line.validate,
    "score": line.score_submission,
    "train": networks.train,
    "cv": networks.cv,
    "models": networks.list_networks,
    "ablate": networks.ablate,
    "compare": answers.compare,
    "blend": answers.blend,
    "bench": bench.bench,
    "report": ship.report,
    "show": ship.show_planet,
    "export": ship.export,
    "bundle": ship.bundle,
    "config": ship.show_config,
}
"""Every verb, in the order in which ``ariel-kit --help`` lists them."""

RESUMABLE = {"calibrate", "learn", "run", "infer", "train", "cv", "ablate"}
"""Verbs that continue the work of an interrupted one."""

MISTAKE, FAULTY, CRASHED, INTERRUPTED = 1, 2, 70, 130

NO_MEMORY = (
    "a library cannot be loaded, or memory ran out: torch and numba need 4 GB of address space "
    "(ulimit -v), and ariel-kit doctor says what a planet needs"
)

log = logging.getLogger(__name__)

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
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(arguments, prog_name="ariel-kit", standalone_mode=False) or 0
    except _ParserError as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "ariel-kit"
        return _refuse(f"{_corrected(error.format_message())} See: {where} --help")
    except SubmissionError as error:
        return _refuse(str(error), FAULTY)
    except ArielKitError as error:
        return _refuse(str(error))
    except OSError as error:  # no permission, no room on the disk
        place = "" if error.filename is None else f"{error.filename}: "
        return _refuse(f"{place}{error.strerror or error}.")
    except (ImportError, MemoryError) as error:
        return _refuse(f"{NO_MEMORY} ({describe_bug(error)}).")
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        log.debug("where it happened", exc_info=True)
        return _refuse(f"{type(error).__name__}: {describe_bug(error)}. {_report()}", CRASHED)
    if code == INTERRUPTED:  # newer typer turns Ctrl-C into this code by itself
        verb = next((word for word in arguments if word in VERBS), None)
        more = "; the same command goes on where this one stopped" if verb in RESUMABLE else ""
        return _refuse(f"interrupted{more}.", INTERRUPTED)
    return code


def _report() -> str:
    """Say what to do about a fault of the kit."""
    return (
        f"This is a fault of ariel-kit {version('ariel-kit')}: please report this line with the "
        "command; ariel-kit --log-level debug shows where it happened."
    )


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ariel-kit {version('ariel-kit')}")
        raise typer.Exit


@app.callback()
def _before_every_verb(
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    _: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_say_version),
    ] = False,
) -> None:
    setup_logging(log_level)  # type: ignore[arg-type]


def _corrected(message: str) -> str:
    """Add the nearest choice to the parser's message, where a value is none of them."""
    message = message.replace("Value error, ", "")
    wrong = re.search(r"'([^']*)' is not one of (.*)\.", message)
    hint = did_you_mean(wrong[1], re.findall(r"'([^']*)'", wrong[2])) if wrong else ""
    end = "" if message.endswith((".", "?")) else "."
    return f"{message}{end}{hint}"


def _refuse(message: str, code: int = MISTAKE) -> int:
    typer.echo(readable(f"ariel-kit: {message}"), err=True)
    return code
