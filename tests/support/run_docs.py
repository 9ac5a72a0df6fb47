"""Runs the code blocks of Markdown pages as a reader would, in this folder: run_docs.py PAGE ...

The blocks of a page run in order, in one shell, so that what one sets the next has:

    ```sh        commands; each must exit with 0
    ```console   lines after `$ ` are commands (a backslash goes on), the others what they print.
                 A command may fail if the next one is `echo $?`
    ```python    run by python3
    ```yaml      saved under the name in its first line: `# mine.yaml`
    ```text      what the block before it prints

Others are not looked at. `...` in an expected line stands for anything in the line, a line `...`
for any number of lines; spaces at the ends do not count. A comment before a block leaves it out:

    <!-- test: skip -->          always
    <!-- test: needs NAME -->    where NAME, a file or a command, is missing
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.M | re.S)
MARK = re.compile(r"<!-- test: (skip|needs (\S+)) -->\s*\Z")
PROGRESS = re.compile(r".*\b(epoch \d+/\d+|\d+/\d+ trials ended)\b.*")  # told by slow machines
KINDS = ("sh", "console", "python", "yaml", "text")


class Step:
    """A command of a block: its place, what the shell is given, the lines to expect (None: any)."""

    def __init__(self, place, command, expected=None):
        self.place, self.command, self.expected = place, command, expected
        self.may_fail = False


def is_left_out(before):
    mark = MARK.search(before)
    if not mark:
        return False
    name = mark.group(2)
    return name is None or not (os.path.exists(name) or shutil.which(name))


def console_steps(place, number, body):
    steps, going_on = [], False
    for offset, line in enumerate(body.splitlines()):
        if going_on:
            steps[-1].command += "\n" + line
        elif line.startswith("$ "):
            steps.append(Step(f"{place}:{number + offset}", line[2:], []))
        elif steps:
            steps[-1].expected.append(line)
        else:
            sys.exit(f"{place}:{number}: a console block begins with a command, '$ ...'")
        going_on = (going_on or line.startswith("$ ")) and line.endswith("\\")
    for step, following in zip(steps, steps[1:]):
        step.may_fail = following.command == "echo $?"
    return steps


def yaml_step(place, number, body):
    name = re.match(r"# ([\w.-]+\.yaml)\n", body)
    if not name:
        sys.exit(f"{place}:{number}: a yaml block begins with its file's name, '# mine.yaml'")
    return Step(f"{place}:{number}", f"cat >{name.group(1)} <<'END OF BLOCK'\n{body}END OF BLOCK")


def read_steps(page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    steps, end, left_out = [], 0, 0
    skipped = False  # the block before, and with it what it prints
    for match in BLOCK.finditer(text):
        kind, body = match.groups()
        if kind not in KINDS:
            continue
        number = text.count("\n", 0, match.start()) + 2
        place, before, end = os.path.basename(page), text[end : match.start()], match.end()
        skipped = is_left_out(before) or (kind == "text" and skipped)
        left_out += skipped
        if skipped:
            continue
        if kind == "console":
            steps += console_steps(place, number, body)
        elif kind == "yaml":
            steps.append(yaml_step(place, number, body))
        elif kind == "text":
            if not steps or steps[-1].expected is not None:
                sys.exit(f"{place}:{number}: a text block follows the block that prints it")
            steps[-1].expected = body.splitlines()
        elif kind == "python":
            body = f"python3 - <<'END OF BLOCK'\n{body}END OF BLOCK"
            steps.append(Step(f"{place}:{number}", body))
        else:
            steps.append(Step(f"{place}:{number}", body.rstrip("\n")))
    return steps, left_out


def matches(expected, found):
    """Whether the lines are those expected, with `...` for what may be anything."""
    if not expected:
        return not found
    if expected[0].strip() == "...":
        return any(matches(expected[1:], found[i:]) for i in range(len(found) + 1))
    if not found:
        return False
    pattern = ".*".join(re.escape(part) for part in expected[0].strip().split("..."))
    return re.fullmatch(pattern, found[0].strip()) and matches(expected[1:], found[1:])


def script_of(steps, folder):
    """One shell for the page. A command's output goes to a file of its own; an sh block stops at
    the first command that fails, and so does the page."""
    lines = ["set -e"]
    for number, step in enumerate(steps):
        command = "echo $status" if step.command == "echo $?" else step.command
        end = " && status=0 || status=$?" if step.may_fail else ""
        lines += [
            f"echo {number} >{folder}/at",
            f"{{\n{command}\n}} >{folder}/{number} 2>&1 </dev/null{end}",
        ]
    return "\n".join(lines) + f"\necho end >{folder}/at\n"


def indented(lines):
    return "".join(f"    {line}\n" for line in lines) or "    (nothing)\n"


def run_page(page):
    steps, left_out = read_steps(page)
    with tempfile.TemporaryDirectory(prefix="aedist-docs-") as folder:
        shell = subprocess.run(["bash", "-c", script_of(steps, folder)], stdin=subprocess.DEVNULL)
        with open(f"{folder}/at") as file:
            at = file.read().strip()
        reached = len(steps) if at == "end" else int(at) + 1
        printed = []
        for number in range(reached):
            with open(f"{folder}/{number}", encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
            printed.append([line for line in lines if not PROGRESS.fullmatch(line)])
    failures = 0
    for step, found in zip(steps, printed):
        if step.expected is not None and not matches(step.expected, found):
            failures += 1
            print(f"FAILED: {step.place}: {step.command}\n  should print")
            print(indented(step.expected) + "  and prints\n" + indented(found), end="")
    if at != "end":
        failures += 1
        step = steps[int(at)]
        print(f"FAILED: {step.place}: exit {shell.returncode} of")
        print(indented(step.command.splitlines()) + "  and prints")
        print(indented(printed[-1][-20:]), end="")
    print(f"{os.path.basename(page)}: {reached} commands and files, {left_out} blocks left out")
    return failures


sys.exit(1 if sum([run_page(page) for page in sys.argv[1:]]) else 0)
