# SPDX-License-Identifier: BSD-3-Clause
"""What every command shares: lazy loading, errors in one line, exit status, messages and progress bars."""

from __future__ import annotations

import difflib
import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NoReturn

import click

from glassnmr.version import __version__

__all__ = ["BAD_INPUT", "FAILED", "OK", "Command", "Commands", "Group", "Session", "pass_session"]

OK, FAILED, BAD_INPUT = 0, 1, 2
"""Exit status: all went well; the run failed (numbers, memory, interrupted, disk); the input was wrong."""


@dataclass
class Session:
    """How this call of the program talks: results to stdout, messages and progress to stderr."""

    quiet: bool = False
    debug: bool = False

    def say(self, text: str) -> None:
        """A message beside the results, left out by ``--quiet``."""
        if not self.quiet:
            click.echo(text, err=True)

    @contextmanager
    def progress(self, label: str, total: int | None = None) -> Iterator[Callable[..., None]]:
        """A bar on stderr while the block runs, if that is a terminal; yields ``update(done, total=None)``.

        ``update`` fits the progress callbacks of the library. Without a total the bar pulses and counts.
        """
        if self.quiet or not sys.stderr.isatty():
            yield _ignore
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(label, total=total)

            def update(done: int, whole: int | None = None, *_: object) -> None:
                bar.update(task, completed=done, total=total if whole is None else whole)

            yield update


def _ignore(*_: object) -> None:
    """The progress callback where none is shown."""


pass_session: Callable[[Callable[..., Any]], Callable[..., Any]] = click.make_pass_decorator(Session)


def _switch(name: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def set_switch(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value and isinstance(ctx.find_root().obj, Session):
            setattr(ctx.find_root().obj, name, True)

    return set_switch


def _common_options() -> list[click.Parameter]:
    """``--quiet`` and ``--debug``, taken before and after the name of a command."""
    return [
        click.Option(["--quiet", "-q"], is_flag=True, expose_value=False, is_eager=True, callback=_switch("quiet"),
                     help="Print results and errors only."),
        click.Option(["--debug"], is_flag=True, expose_value=False, is_eager=True, callback=_switch("debug"),
                     help="Show the traceback of an error."),
    ]


class Command(click.Command):
    """A command with the common options, whose help shows an example."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(_common_options())
        self.context_settings.setdefault("help_option_names", ["-h", "--help"])
        self.context_settings.setdefault("show_default", True)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Options under the headings that they have, then those without."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(param, "heading", "Options"), []).append(record)
        sections["Options"] = sections.pop("Options")  # the last
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)


class Group(click.Group):
    """A group of commands; ``default`` names the one that is meant when the first word is none of them."""

    command_class = Command

    def __init__(self, *args: Any, default: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.default = default
        self.params.extend(_common_options())
        self.context_settings.setdefault("help_option_names", ["-h", "--help"])

    def resolve_command(self, ctx: click.Context, args: list[str]
                        ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names, or the default one on all words; near names for a mistyped one."""
        if self.default is not None and args and args[0] not in self.list_commands(ctx) and os.path.exists(args[0]):
            return self.default, self.get_command(ctx, self.default), args
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            also = " (nor is it a file)" if self.default is not None else ""
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(self.list_commands(ctx))}"
            raise click.UsageError(f"there is no command {args[0]!r}{also}; {hint}", ctx)
        return super().resolve_command(ctx, args)


class Commands(Group):
    """The top group: commands are modules of this package, imported when called; errors end in one line."""

    def __init__(self, *args: Any, commands: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, no_args_is_help=True, **kwargs)
        self.summaries = commands
        version = click.version_option(__version__, prog_name="glassnmr", message="%(prog)s %(version)s")
        version(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the chain."""
        del ctx
        return list(self.summaries)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of that name, from its module."""
        del ctx
        if name not in self.summaries:
            return None
        command = getattr(import_module(f"glassnmr.cli.{name}"), "command")  # noqa: B009  (a name known only now)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None,  # type: ignore[override]
             **extra: Any) -> NoReturn:
        """Run a command and end the process with its status."""
        session = Session()
        extra = {**extra, "standalone_mode": False, "obj": session}
        try:
            status = super().main(args, prog_name or "glassnmr", **extra)
            sys.stdout.flush()
        except BaseException as error:
            sys.exit(_report(error, session))
        sys.exit(status if isinstance(status, int) else OK)


def _report(error: BaseException, session: Session) -> int:
    """Say in one line what went wrong; return the exit status."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAILED
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        # whoever read our output has enough; keep the interpreter from complaining when it flushes at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return BAD_INPUT
    if session.debug:
        traceback.print_exception(error)
    text, status = _explain(error)
    click.echo(f"glassnmr: {text}", err=True)
    return status


def _explain(error: BaseException) -> tuple[str, int]:
    """The line and the exit status for an error."""
    from glassnmr import NumericalError

    message = " ".join(str(error).split())
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return "interrupted", FAILED
    if isinstance(error, click.ClickException):
        ctx = getattr(error, "ctx", None)
        where = f" (see {ctx.command_path} --help)" if ctx is not None else ""
        return f"error: {' '.join(error.format_message().split())}{where}", BAD_INPUT
    if isinstance(error, MemoryError):
        return f"error: not enough memory{': ' + message if message else ''}", FAILED
    if isinstance(error, NumericalError):
        return f"error: {message}", FAILED
    if isinstance(error, (ValueError, ImportError, *_BAD_FILES)):
        return f"error: {_file_message(error) or message or type(error).__name__}", BAD_INPUT
    if isinstance(error, OSError):
        return f"error: {_file_message(error) or message}", FAILED
    return f"internal error: {type(error).__name__}: {message} (--debug shows where)", FAILED


_BAD_FILES = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, FileExistsError)


def _file_message(error: BaseException) -> str:
    """``cannot open x: no such file`` for errors of the operating system; empty for our own, which say it already."""
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return f"{error.filename or 'input or output'}: {error.strerror.lower()}"
    return ""
