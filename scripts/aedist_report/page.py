"""The order of things in a report, and what it tells in words."""

import difflib
import math
import os
import sys

import jinja2
import markupsafe
from aedist_results import RunError

from . import channels, codes, draw, extras, heat, losses, samples
from .study import loss_text, short, value_text

HERE = os.path.dirname(os.path.abspath(__file__))
MOST_CURVES = 8  # metrics with curves of their own
MOST_ROWS = 1000  # of the table of trials
MOST_NOTES = 12  # failures or warnings told one by one


class Section:
    def __init__(self, name, title):
        self.name, self.title = name, title
        self.text, self.notes, self.exhibits, self.tabs, self.after = [], [], [], [], []
        self.trials, self.tables, self.blocks = [], [], []

    def is_empty(self):
        return not any(vars(self)[part] for part in vars(self) if part not in ("name", "title"))

    def all_exhibits(self):
        groups = [self.exhibits, self.after] + [found for _, found in self.tabs]
        groups += [found for trial in self.trials for _, found in trial["tabs"]]
        return [exhibit for group in groups for exhibit in group]


def build(study, refresh=0, detailed=None):
    """The page as text, and the files of its figures as [(name, bytes)]."""
    sections = [part for part in _sections(study, detailed) if not part.is_empty()]
    files = {}
    for section in sections:
        for exhibit in section.all_exhibits():
            for panel in exhibit.panels:
                if panel.file:
                    files[panel.file] = panel.content
                if panel.file.endswith(".svg"):
                    files[panel.file] = draw.with_legend(panel.content, panel.label, exhibit.legend)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["code"] = _code
    counts = [
        (status, len(study.of_status(status)))
        for status in ("done", "failed", "running", "pending")
    ]
    page = environment.get_template("page.html.j2").render(
        title=" and ".join(study.run_names),
        kind="Comparison of runs" if len(study.runs) > 1 else "Report of a run",
        lead=_lead(study),
        counts=[item for item in counts if item[1]],
        facts=_facts(study),
        refresh=refresh,
        sections=sections,
        source=", ".join(run.path for run in study.runs),
        style=_file("style.css"),
        script=_file("page.js"),
    )
    return page, list(files.items())


def _code(text):
    """Escapes a text, and sets what stands between ` as code."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return text
    return markupsafe.Markup("").join(
        markupsafe.Markup("<code>{}</code>").format(part) if i % 2 else part
        for i, part in enumerate(parts)
    )


def _file(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def _metric(study):
    return study.metrics[0] if study.metrics else "val_loss"


def _attempt(section, what, maker, *arguments, **named):
    """The exhibit; None, and a note, if the arrays are not what they should be. One that cannot be
    drawn must not cost the others."""
    try:
        return maker(*arguments, **named)
    except RunError:
        raise
    except Exception as error:  # whatever a strange file leads to
        text = f"its numbers are not as expected ({type(error).__name__}: {str(error)[:200]})"
        section.notes.append({"kind": "warn", "head": f"{what} cannot be shown:", "text": text})
        print(f"aedist-report: {what}: {text}", file=sys.stderr)
        return None


# ---- The head -----------------------------------------------------------------------------------


def _lead(study):
    metric = _metric(study)
    seeds = max((len(group.trials) for group in study.groups), default=0)
    count = len(study.groups)
    text = f"{len(study.trials)} trial{'s' * (len(study.trials) != 1)}"
    if count > 1:
        text += f": {count} settings" + (
            f", {seeds} seeds each" if seeds > 1 and len(study.trials) == count * seeds else ""
        )
    elif seeds > 1:
        text += " that differ in the seed alone"
    return f"{text}. {losses._finals_finding(study, metric)}"


def _facts(study):
    found = []
    seconds = sum(
        trial.columns.get("seconds", 0) for trial in study.trials if trial.status == "done"
    )
    if seconds > 0:
        found.append(f"{_duration(seconds)} of training")
    ranks = sorted({str(run.provenance.get("ranks")) for run in study.runs})
    found.append(f"{' and '.join(ranks)} rank{'s' * (ranks != ['1'])}")
    dates = sorted({str(run.provenance.get("created", ""))[:10] for run in study.runs})
    return found + [" and ".join(dates)]


def _duration(seconds):
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


# ---- Sections -----------------------------------------------------------------------------------


def _sections(study, detailed):
    return [
        _problems(study),
        _losses(study),
        _channels(study),
        _closely(study, detailed),
        _measures(study),
        _missing(study),
        _trials(study),
        _provenance(study),
    ]


def _problems(study):
    section = Section("problems", "What went wrong")
    failed = study.of_status("failed")
    for trial in failed[:MOST_NOTES]:
        reason = str(trial.run.trial_attributes(trial.id).get("reason", "no reason is recorded"))
        section.notes.append({"kind": "bad", "head": f"{trial.label} failed.", "text": reason})
    if len(failed) > MOST_NOTES:
        section.text.append(f"{len(failed)} trials failed; the first {MOST_NOTES} are told here.")
    warnings = _warnings(study)
    for head, text in warnings[:MOST_NOTES]:
        section.notes.append({"kind": "warn", "head": head, "text": text})
    if len(warnings) > MOST_NOTES:
        section.text.append(
            f"There are {len(warnings)} warnings; the first {MOST_NOTES} are told here."
        )
    return section


def _warnings(study):
    """[(whose, what)]: what trials were warned of, and those that learned nothing."""
    found = []
    for trial in study.trials:
        texts = str(trial.run.trial_attributes(trial.id).get("warnings", "")).splitlines()
        texts = texts or trial.warnings
        found += [(f"{trial.label}:", text) for text in dict.fromkeys(texts)]
        floor, loss = trial.numbers().get("mean_floor"), trial.final("val_loss")
        if not texts and floor and math.isfinite(loss) and loss > 0.98 * floor:
            text = (
                f"it learned nothing: its loss of {loss_text(loss)} is no better than predicting the"
                f" mean sample, {loss_text(floor)}"
            )
            found.append((f"{trial.label}:", text))
    return found


def _losses(study):
    section = Section("losses", "Losses")
    if not study.metrics:
        section.text.append("No trial has recorded an epoch.")
        return section
    metric = _metric(study)
    found = [losses.curves(study, name) for name in study.metrics[:MOST_CURVES]]
    section.tabs = [
        (losses.words(name), [exhibit])
        for name, exhibit in zip(study.metrics, found)
        if exhibit.panels
    ]
    if not section.tabs:
        section.text.append("No trial has recorded an epoch.")
    if len(study.metrics) > MOST_CURVES:
        section.text.append(
            f"{len(study.metrics)} metrics were recorded; the curves of the first "
            f"{MOST_CURVES} are shown."
        )
    if any(group.finals(metric) for group in study.groups):
        if len(study.groups) > 1:
            section.after.append(losses.finals(study, metric))
        section.after += [
            losses.paired(study, metric),
            _attempt(section, "Robustness", heat.robustness, study),
        ]
        section.after = [exhibit for exhibit in section.after if exhibit]
    return section


def _channels(study):
    section = Section("channels", "Channels and filters")
    exhibit = _attempt(section, "The ablation", channels.ablation, study)
    if exhibit:
        section.exhibits.append(exhibit)
    found = [
        (tensor, _attempt(section, f"Filters of {tensor}", channels.filters, study, tensor))
        for tensor in channels.tensors(study)
    ]
    section.tabs = [(tensor, [exhibit]) for tensor, exhibit in found if exhibit]
    return section


# ---- Single trials ------------------------------------------------------------------------------

VIEWS = (  # of a trial: the tab's title and what makes its exhibits
    ("Samples", (samples.reconstruct, samples.worst, samples.shared_point)),
    ("Over epochs", (samples.over_epochs,)),
    ("Channels", (samples.ablated, codes.products)),
    ("Code", (codes.scatter,)),
    ("Decoding", (codes.decode_axes, codes.decode_vectors, codes.decode_one_hot)),
    ("Classes", (codes.confusion, codes.code_confusion, codes.probe_confusion)),
)
MOST_TRIALS = 12


def choose_trials(study, wanted):
    """The trials to show closely, the best first."""
    metric = _metric(study)
    if wanted == "all":
        return study.of_status("done")
    if wanted:
        names = [name for name in wanted.split(",") if name]
        for name in names:
            if not any(trial.id.startswith(name) for trial in study.trials):
                raise RunError(f"--trials: '{name}' is the beginning of no trial's id")
        return [trial for trial in study.trials if any(trial.id.startswith(name) for name in names)]
    chosen = []
    for group in study.groups:
        done = sorted(
            group.done(),
            key=lambda trial: (not math.isfinite(trial.final(metric)), trial.final(metric)),
        )
        if done:
            chosen.append(done[(len(done) - 1) // 2])
    sign = -1 if metric.endswith("accuracy") else 1
    best = min(chosen, key=lambda trial: sign * trial.final(metric), default=None)
    return sorted(chosen[:MOST_TRIALS], key=lambda trial: trial is not best)


def _closely(study, wanted):
    section = Section("closely", "Trials looked at closely")
    metric = _metric(study)
    for trial in choose_trials(study, wanted):
        tabs = []
        for title, makers in VIEWS:
            found = [
                _attempt(
                    section,
                    f"{title} of {trial.label}",
                    maker,
                    trial,
                    **({"animate": not section.trials} if maker is samples.over_epochs else {}),
                )
                for maker in makers
            ]
            if any(found):
                tabs.append((title, [exhibit for exhibit in found if exhibit]))
        if tabs:
            section.trials.append(
                {
                    "id": trial.id,
                    "label": trial.label,
                    "tabs": tabs,
                    "loss": f"{losses.words(metric)} {loss_text(trial.final(metric))}",
                    "facts": _trial_facts(trial),
                }
            )
    if section.trials and not wanted and len(section.trials) < len(study.of_status("done")):
        section.text.append(
            "Of each setting the trial with the middle loss"
            + (f", {MOST_TRIALS} settings at most" if len(study.groups) > MOST_TRIALS else "")
            + ". Others are shown by `aedist-report --trials ID,ID`, or `all`."
        )
    return section


def _trial_facts(trial):
    told = [
        f"trial {trial.id}",
        f"{trial.columns.get('epochs', 0)} epochs",
        f"{loss_text(float(trial.columns.get('seconds', math.nan)))} s",
    ]
    best = trial.numbers().get("best_epoch")
    if best:
        told.append(f"best at epoch {best:.0f}")
    if "skill" in trial.numbers():
        told.append(f"skill {trial.numbers()['skill']:.4f}")
    dead = [
        (name, int(values.sum()), values.size)
        for name in trial.run.names("trials", trial.id, "analysis")
        if name.startswith("dead_units.") and (values := trial.analysis(name)) is not None
    ]
    told += [
        f"{count} of {size} units of {name.split('.', 1)[1]} dead"
        for name, count, size in dead
        if count
    ]
    return " · ".join(told)


# ---- The rest -----------------------------------------------------------------------------------


def _measures(study):
    section = Section("measures", "Further measures")
    makers = (extras.assemble, extras.pca, extras.probe, extras.epochs_to, extras.stride_power)
    found = [_attempt(section, f"The measure {maker.__name__}", maker, study) for maker in makers]
    section.exhibits = [exhibit for exhibit in found if exhibit]
    return section


ANALYSES = (  # what an array comes from: its analysis, what it shows
    ("ablation", "the loss without each channel"),
    ("filters", "filters matched across seeds"),
    ("reconstruct", "reconstructions, also without each channel"),
    ("decode", "what codes decode to"),
    ("encode", "where samples lie in the code"),
    ("robustness", "losses by noise in the test"),
    ("probe", "a linear probe on the codes"),
    ("worst", "the worst samples"),
    ("assemble", "whole curves put together of patches"),
    ("pca", "principal component analysis"),
)


def _missing(study):
    """How to get what is not there."""
    section = Section("more", "Not in this run")
    if not study.of_status("done"):
        return section
    path = study.runs[0].folder
    rows = [
        [what, f"`aedist analyze {path} analysis.{name}=true`"]
        for name, what in ANALYSES
        if not (study.has(name) or name == "filters" and study.runs[0].names("analysis", "filters"))
    ]
    if all(trial.snapshot("epoch") is None for trial in study.of_status("done")):
        rows.append(["samples over the epochs", "train with `'snapshots={every: 10, samples: 8}'`"])
    if rows:
        section.tables.append(
            {
                "title": "It can be added",
                "head": ["to see", "do"],
                "rows": rows,
                "sortable": False,
                "open": False,
            }
        )
    return section


def _trials(study):
    section = Section("trials", "All trials")
    finals = [
        name
        for name in study.metrics
        if any(math.isfinite(trial.final(name)) for trial in study.trials)
    ]
    head = (
        ["trial"]
        + [short(axis) for axis in study.axes]
        + ["seed", "status", "epochs"]
        + finals
        + ["seconds"]
    )
    rows = []
    for trial in study.trials[:MOST_ROWS]:
        rows.append(
            [trial.id]
            + [value_text(trial.settings.get(axis, "")) for axis in study.axes]
            + [trial.seed, trial.status, trial.columns.get("epochs", "")]
            + [loss_text(trial.final(name)) for name in finals]
            + [loss_text(float(trial.columns.get("seconds", math.nan)))]
        )
    if len(study.trials) > MOST_ROWS:
        section.text.append(f"The first {MOST_ROWS} of {len(study.trials)}.")
    section.tables.append(
        {
            "title": f"{len(rows)} trial{'s' * (len(rows) != 1)}",
            "head": head,
            "rows": rows,
            "sortable": True,
            "open": len(rows) <= 12,
        }
    )
    return section


def _resolved(trial):
    return str(trial.run.trial_attributes(trial.id).get("config", ""))


def _provenance(study):
    section = Section("provenance", "Where it comes from")
    names = list(dict.fromkeys(name for run in study.runs for name in run.provenance))
    order = ["command", "created", "aedist_version", "libraries", "kernels", "hosts", "ranks"]
    names.sort(key=lambda name: (order.index(name) if name in order else len(order), name))
    section.tables.append(
        {
            "title": "The run",
            "head": ["", *study.run_names],
            "rows": [
                [name] + [str(run.provenance.get(name, "")) for run in study.runs] for name in names
            ],
            "sortable": False,
            "open": True,
        }
    )
    hashes = [
        [trial.label, trial.id, str(trial.columns.get("weights_hash", ""))]
        for trial in study.trials
        if trial.status == "done"
    ]
    if hashes:
        section.tables.append(
            {
                "title": "Hashes of the weights",
                "head": ["setting", "trial", "SHA-256"],
                "rows": hashes[:MOST_ROWS],
                "sortable": False,
                "open": False,
            }
        )
    resolved = []
    for run, name in zip(study.runs, study.run_names):
        section.blocks.append({"title": f"Config of {name}, as it was given", "text": run.config})
        trial = next(
            (trial for trial in study.trials if trial.run is run and _resolved(trial)), None
        )
        if trial is not None:
            title = f"Config of the trial {trial.label}, with every default"
            section.blocks.append({"title": title, "text": _resolved(trial)})
            resolved.append(_resolved(trial).splitlines())
    if len(resolved) == 2:
        difference = difflib.unified_diff(*resolved, *study.run_names, lineterm="", n=0)
        text = "\n".join(difference) or "They are equal."
        section.blocks.insert(0, {"title": "How the first trials' configs differ", "text": text})
    return section
