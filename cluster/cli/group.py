"""The root command: errors become one sentence and an exit code."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from retrieval.errors import PmovesError

FAILURE = 1
USAGE = 2
SOME_QUARANTINED = 3


class Commands(TyperGroup):
    """Prints what went wrong and what to do, never a traceback unless PMOVES_DEBUG is set."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command chosen on the command line."""
        if os.environ.get("PMOVES_DEBUG"):
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except PmovesError as error:
            raise _exit(str(error), _code(error)) from error
        except BrokenPipeError as error:
            # Whoever read our output has seen enough.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILURE) from error
        except OSError as error:
            raise _exit(f"{error}.", FAILURE) from error
        except Exception as error:
            # Typer's own ways out: usage errors, exits, and the end of a pipe.
            if type(error).__module__.startswith(("typer", "click")):
                raise
            text = f"unexpected {type(error).__name__}: {error}; PMOVES_DEBUG=1 shows where."
            raise _exit(text, FAILURE) from error


def _exit(text: str, code: int) -> typer.Exit:
    print(f"pmoves: {text}", file=sys.stderr)
    return typer.Exit(code)


def _code(error: PmovesError) -> int:
    from cluster.errors import UsageError

    return USAGE if isinstance(error, UsageError) else FAILURE
