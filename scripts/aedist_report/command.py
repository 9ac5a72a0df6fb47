"""The command: arguments, files, and the loop of --watch."""

import argparse
import os
import sys
import tempfile
import time

from aedist_results import RunError, open_run

from . import page
from .study import Study

USAGE = """Usage: scripts/aedist-report RUN [options]

Writes RUN/report.html, a page that needs nothing else, and its figures into RUN/report/: how the
trials went, their losses over seeds and noise, filters, codes, reconstructions, and where all of it
comes from. Shown is what the run has; the page says how to get what it has not.

  --compare RUN2    a page about both runs, seed by seed; may be given several times
  --output FILE     the page's file; the figures go to FILE without .html (RUN/report.html)
  --trials WHICH    trials to show closely: ids or their beginnings with commas between them, or all
                    (the middle one of each setting, 12 at most)
  --watch           make the page again whenever the run has gone on, until it ends
  --interval S      seconds between two looks at the run, with --watch (5)
  --help            this text

Exit codes: 0 done; 2 usage; 3 a run cannot be read or the page not be written.
Needs the Debian packages python3-h5py, python3-matplotlib and python3-jinja2. See docs/report.md.
"""


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="aedist-report",
        usage=USAGE.split("\n", maxsplit=1)[0][7:],
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("run")
    parser.add_argument("--compare", action="append", default=[])
    parser.add_argument("--output")
    parser.add_argument("--trials")
    parser.add_argument("--watch", action="store_true")
    parser.add_argument("--interval", type=float, default=5)
    options = parser.parse_args(arguments)
    if not options.interval > 0:
        parser.error("--interval must be more than 0")
    if options.output is None:
        folder = options.run if os.path.isdir(options.run) else os.path.dirname(options.run)
        options.output = os.path.join(folder, "report.html")
    elif not options.output.endswith(".html"):
        parser.error(f"--output must end with .html, not be '{options.output}'")
    return options


# ---- Files --------------------------------------------------------------------------------------


def write(path, content):
    """The whole file, or what was there before."""
    folder = os.path.dirname(path) or "."
    handle, name = tempfile.mkstemp(dir=folder, prefix=".report-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def make(options, going_on):
    """One report; how many bytes it has."""
    runs = [open_run(path) for path in [options.run] + options.compare]
    try:
        study = Study(runs)
        refresh = max(2, round(options.interval)) if options.watch and going_on else 0
        text, files = page.build(study, refresh, options.trials)
    finally:
        for run in runs:
            run.close()
    folder = options.output[: -len(".html")]
    os.makedirs(folder, exist_ok=True)
    for name, content in files:
        write(os.path.join(folder, name), content)
    content = text.encode()
    write(options.output, content)
    return len(content), len(files)


# ---- Watching -----------------------------------------------------------------------------------


def stamp(path):
    """Changes when a file of the run does."""
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    found = []
    for name in ("results.h5", "log.jsonl"):
        try:
            state = os.stat(os.path.join(folder, name))
            found.append((state.st_mtime_ns, state.st_size, state.st_ino))
        except OSError:
            found.append(None)
    return found


def has_ended(path):
    """Whether the last job has: by the log, whose last line about a run tells it."""
    with open_run(path) as run:
        for event in reversed(run.log()):
            if event.get("event") in ("run_start", "run_end"):
                return event["event"] == "run_end"
    return True  # no log: nobody writes


def watch(options):
    seen = None
    while True:
        now = stamp(options.run)
        if now != seen:
            try:
                ended = has_ended(options.run)
                size, files = make(options, not ended)
            except RunError as error:
                if seen is not None or now[0] is not None:
                    raise
                print(f"waiting: {error}", file=sys.stderr)
                ended = False
            else:
                print(
                    f"{options.output}: {size / 1e6:.1f} MB, {files} figures"
                    + ("; the run has ended" if ended else ""),
                    flush=True,
                )
            seen = now
            if ended:
                return
        time.sleep(options.interval)


def main(arguments):
    if any(word in ("--help", "-h") for word in arguments):
        print(USAGE, end="")
        return 0
    options = parse(arguments)
    try:
        if options.watch:
            watch(options)
        else:
            size, files = make(options, False)
            print(
                f"{options.output}: {size / 1e6:.1f} MB, {files} figures in "
                f"{options.output[:-len('.html')]}/"
            )
    except (RunError, OSError) as error:
        print(f"aedist-report: {str(error).splitlines()[0]}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        pass
    return 0
