"""The one adapter between what Python raises and what a person at a terminal sees.

A :class:`MetaProtocolError` is a sentence with its own exit code, a missing file is the operating system's, an
interrupt is 130, a closed pipe is silent, and anything else is a bug of ours: 3, with the traceback on request.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from metaprotocol_sdk.cli.output import settings
from metaprotocol_sdk.exceptions import MetaProtocolError

USAGE = 2
BUG = 3
INTERRUPTED = 130
BROKEN_PIPE = 141
"""128 + SIGPIPE, as a shell reports any program whose reader left."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


class Failure(click.ClickException):
    """An error a user can cause: a sentence on stderr.

    Args:
        text: The sentence.
        exit_code: What the process returns.
    """

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        vars(self)["exit_code"] = exit_code  # click annotates a class variable and reads the instance

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints it; where it has several lines, such as the findings in a file, each stands by itself."""
        prefix = click.style("Error:", fg="red", bold=True)
        separator = "\n" if "\n" in self.message else " "
        click.echo(f"{prefix}{separator}{self.message}", file=file, err=file is None, color=self.show_color)


class CommandUnavailable(Failure):
    """A command whose module cannot be imported; the others work."""

    def __init__(self, command: str, cause: ImportError) -> None:
        super().__init__(
            f"`metaproto {command}` cannot be loaded: {cause}. This installation is not whole; "
            "`metaproto doctor` says what is missing",
            BUG,
        )


class Bug(click.ClickException):
    """An exception nobody expected."""

    exit_code = BUG

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.cause = cause
        self.with_traceback_shown = settings().wants_traceback

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints what happened and how to see more."""
        if self.with_traceback_shown:
            text = "".join(traceback.format_exception(self.cause)) + "This is a bug in metaproto; please report it."
        else:
            text = (
                f"This is a bug in metaproto: {self.message}\n"
                "Please report it with the output of the same command under METAPROTO_DEBUG=1."
            )
        click.echo(text, file=file, err=file is None, color=self.show_color)


class Interrupted(click.ClickException):
    """Ctrl-C, or the end of input at a question."""

    exit_code = INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted")

    def show(self, file: IO[Any] | None = None) -> None:
        """Prints one word, on a line of its own after the terminal's ``^C``."""
        click.echo(f"\n{self.message}", file=file, err=file is None)


@contextmanager
def adapted() -> Iterator[None]:
    """Turns whatever is raised inside into what click shows, with its exit code."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit):
        raise
    except MetaProtocolError as error:
        raise Failure(str(error), error.exit_code) from error
    except (KeyboardInterrupt, EOFError, click.Abort) as error:
        raise Interrupted from error
    except BrokenPipeError as error:
        _silence_stdout()
        raise click.exceptions.Exit(BROKEN_PIPE) from error
    except OSError as error:
        raise _of_the_system(error) from error
    except Exception as error:
        raise Bug(error) from error


def _of_the_system(error: OSError) -> click.ClickException:
    """What the operating system refused, as far as that is not ours to mend."""
    if error.filename is not None:
        return Failure(f"{error.filename}: {error.strerror}", USAGE)
    if error.errno in _NO_ROOM:
        return Failure(f"writing fails: {error.strerror}", USAGE)
    if isinstance(error, FileNotFoundError) and not _has_working_folder():
        return Failure("the working folder is there no more; change to one that exists", USAGE)
    return Bug(error)


def _has_working_folder() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _silence_stdout() -> None:
    # Python flushes stdout once more at its end, and would complain there about the pipe that has no reader.
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), descriptor)
