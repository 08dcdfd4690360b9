"""The command `omnipipe`. Nothing heavy is imported before a command runs: `--help` must be there at once."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from omnipipe import __version__
from omnipipe.cli import backends, compact, config, doctor, evaluate, export, extract, models, run, serve, verify
from omnipipe.errors import OmnipipeError, Terminated

INTERRUPTED = 130
TERMINATED = 143
# What a shell reports for a program that a closed pipe ended (128 + SIGPIPE).
BROKEN_PIPE = 141
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

# What click raises for an unknown option or a wrong value: of that tree typer exports only a leaf, and newer versions
# carry a click of their own.
_CommandMistake = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[2])

app = typer.Typer(
    name="omnipipe",
    # Rich would cost another 50 ms and wrap help by the terminal's width.
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.command("run", no_args_is_help=True)(run.run)
app.command("extract", no_args_is_help=True)(extract.extract)
app.command("serve")(serve.serve)
app.command("verify", no_args_is_help=True)(verify.verify)
app.command("compact", no_args_is_help=True)(compact.compact)
app.command("export", no_args_is_help=True)(export.export)
app.command("eval", no_args_is_help=True)(evaluate.evaluate)
app.command("backends")(backends.backends)
app.command("models")(models.models)
app.command("doctor")(doctor.doctor)
app.add_typer(config.app, name="config")


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"omnipipe {__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """PDFs and page images to text you can trust: one Parquet row per page, exactly once.

    Options can be set in the environment too, as OMNIPIPE_ and their name (OMNIPIPE_OCR=fast). The command line wins
    over the environment, the environment over the pipeline file, the file over the defaults.

    Exit codes: 0 done; 1 pages are missing or too many failed; 2 a mistake in the command, its settings or its
    inputs; 130 interrupted, 143 by SIGTERM.
    """


def main() -> None:
    """Run the command line and exit."""
    if sys.platform == "linux":
        # Of Arrow's memory pools the one that gives back most: a run's driver is 18 MiB smaller with it than with
        # mimalloc, and the end of a run faster. What is free goes back after a second, not ten; at once would take a
        # fifth more time at the end of a run. What the user has set stays.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "jemalloc")
        os.environ.setdefault("JE_ARROW_MALLOC_CONF", "dirty_decay_ms:1000")
    _open_closed_streams()
    try:
        sys.exit(run_command(sys.argv[1:]))
    finally:
        # Python looks for cycles once more before it ends: 0.3 s of a run's driver, for memory that is the system's.
        gc.freeze()


def run_command(arguments: list[str]) -> int:
    """Run one command in this process: its exit code. What the user did wrong is on stderr, without a traceback."""
    try:
        code = typer.main.get_command(app).main(args=arguments, prog_name="omnipipe", standalone_mode=False)
        sys.stdout.flush()
    except OmnipipeError as error:
        return _refused(f"omnipipe: {error}", error.exit_code)
    except (KeyboardInterrupt, typer.Abort) as asked:
        is_terminated = isinstance(asked.__cause__ or asked, Terminated)
        return _refused("omnipipe: interrupted.", TERMINATED if is_terminated else INTERRUPTED)
    except _CommandMistake as error:
        # As typer itself shows it, where stderr can be written.
        with contextlib.suppress(OSError):
            error.show()
        return error.exit_code
    except OSError as error:
        return _code_of(error)
    except SystemExit as ended:
        # What click makes of a closed pipe: exit code 1, which says here that pages are missing.
        if isinstance(ended.__context__, BrokenPipeError):
            return _code_of(ended.__context__)
        raise
    return code if isinstance(code, int) else 0


def _code_of(error: OSError) -> int:
    """The exit code where the place that the command runs in is at fault, said on stderr; else raises `error`."""
    if isinstance(error, BrokenPipeError):
        _silence_stdout()
        return BROKEN_PIPE
    if error.errno in _FULL:
        _silence_stdout()
        where = error.filename or "the disk of standard output, or of another file that this command writes"
        return _refused(f"omnipipe: {where}: {error.strerror}. Make room, and run the same command again.", 1)
    if not _has_current_folder():
        return _refused("omnipipe: the current folder has been removed. Go to another one with cd.", 2)
    raise error


def _refused(message: str, code: int) -> int:
    # Where nobody can read it, the exit code still says what it was.
    with contextlib.suppress(OSError):
        typer.echo(message, err=True)
    return code


def _has_current_folder() -> bool:
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _open_closed_streams() -> None:
    # Python has None for a stream that was closed (`>&-`), and its descriptor goes to the next file that is opened.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _silence_stdout() -> None:
    # The interpreter flushes stdout when it ends; a closed pipe would make it complain then.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
