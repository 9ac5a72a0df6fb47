"""Trials of one or several runs, in groups that differ in the seed alone."""

import math

import numpy

NOT_OUTCOMES = ("epoch", "lr", "grad_norm", "time_s")
NOISES = ("noise_scale", "input_noise", "train.input_noise", "model.code.noise")


def value_text(value):
    if isinstance(value, (float, numpy.floating)):
        return f"{value:.4g}"
    return str(value)


def loss_text(value):
    """Three digits, as in a table."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.3g}"


class Trial:
    def __init__(self, run, run_name, row, id_):
        self.run = run
        self.id = id_
        columns = run.columns
        self.settings = {axis: columns[axis][row] for axis in run.axes if axis in columns}
        self.seed = int(columns["seed"][row]) if "seed" in columns else 0
        self.settings.pop("seed", None)
        self.run_name = run_name
        self.status = str(columns["status"][row]) if "status" in columns else "unknown"
        self.columns = {name: column[row] for name, column in columns.items()}
        self.group = None
        self.warnings = []  # of the log, of a trial on its way
        self.partial = {}  # metric -> values by recorded epoch, of a trial on its way
        self._numbers = None

    @property
    def label(self):
        group = self.group.label if self.group else ""
        return f"{group} · seed {self.seed}" if group else f"seed {self.seed}"

    def numbers(self):
        if self._numbers is None:
            self._numbers = self.run.numbers(self.id)
        return self._numbers

    def final(self, metric):
        value = self.columns.get(f"{metric}_final", math.nan)
        return float(value) if self.status == "done" else math.nan

    def curve(self, metric):
        """(epochs, values); empty if there are none."""
        epochs = self.run.array(self.id, "metrics", "epoch")
        values = self.run.array(self.id, "metrics", metric)
        if epochs is None or values is None or epochs.shape != values.shape or epochs.ndim != 1:
            epochs, values = self.partial.get("epoch", ()), self.partial.get(metric, ())
            count = min(len(epochs), len(values))
            epochs, values = epochs[:count], values[:count]
        return numpy.asarray(epochs, dtype=float), numpy.asarray(values, dtype=float)

    def analysis(self, name):
        return self.run.array(self.id, "analysis", name)

    def snapshot(self, name):
        return self.run.array(self.id, "snapshots", name)


class Group:
    """Trials that differ in the seed alone."""

    def __init__(self, settings):
        self.settings = settings
        self.trials = []
        self.label = ""
        self.number = 0
        self.curves = {}  # metric -> its mean curve, once it was wanted

    def done(self):
        return [trial for trial in self.trials if trial.status == "done"]

    def finals(self, metric):
        return [
            value
            for value in (trial.final(metric) for trial in self.trials)
            if math.isfinite(value)
        ]


class Study:
    def __init__(self, runs):
        self.runs = runs
        self.run_names = _distinct([run.name for run in runs])
        self.trials = []
        for run, name in zip(runs, self.run_names):
            found = [Trial(run, name, row, id_) for row, id_ in enumerate(run.trials)]
            if len(runs) > 1:
                for trial in found:
                    trial.settings = {"run": name, **trial.settings}
            _take_partial(run, found)
            self.trials += found
        self.axes = self._find_axes()
        self.main = self._choose_main()
        self.groups = self._make_groups()
        self.metrics = self._find_metrics()

    def _find_axes(self):
        """{axis: its values in their order}, of those that vary."""
        axes = {}
        for trial in self.trials:
            for axis, value in trial.settings.items():
                values = axes.setdefault(axis, [])
                if value not in values:
                    values.append(value)
        for axis, values in axes.items():
            if axis != "run" and all(
                isinstance(value, (float, int, numpy.number)) for value in values
            ):
                values.sort()
        return {axis: values for axis, values in axes.items() if len(values) > 1}

    def _choose_main(self):
        """What groups are compared along: the runs, else a noise, else the longest axis."""
        for axis in ("run",) + NOISES:
            if axis in self.axes:
                return axis
        return max(self.axes, key=lambda axis: len(self.axes[axis]), default=None)

    def _make_groups(self):
        groups = {}
        for trial in self.trials:
            settings = {axis: trial.settings.get(axis, "") for axis in self.axes}
            key = tuple(str(value) for value in settings.values())
            group = groups.setdefault(key, Group(settings))
            group.trials.append(trial)
            trial.group = group
        order = sorted(
            groups.values(),
            key=lambda group: [_place(self.axes[axis], group.settings[axis]) for axis in self.axes],
        )
        for number, group in enumerate(order):
            group.number = number
            group.label = self.label({axis: group.settings[axis] for axis in self.axes})
            group.trials.sort(key=lambda trial: trial.seed)
        return order

    def label(self, settings):
        return " · ".join(
            (
                f"{short(axis)} {value_text(value)}"
                if axis not in ("run", "variant")
                else value_text(value)
            )
            for axis, value in settings.items()
        )

    def _find_metrics(self):
        found = []
        for run in self.runs:
            for trial in run.trials:
                names = run.names("trials", trial, "metrics")
                if names:
                    found += [name for name in names if name not in found]
                    break
        for trial in self.trials:
            found += [name for name in trial.partial if name not in found]
            if found:
                break
        found = [name for name in found if name not in NOT_OUTCOMES]
        first = [name for name in ("val_loss", "train_loss") if name in found]
        return first + sorted(name for name in found if name not in first)

    # ---- Parts of it ----------------------------------------------------------------------------

    @property
    def facets(self):
        """[(label, groups)]: the groups by all axes but the main one."""
        found = {}
        for group in self.groups:
            rest = {axis: value for axis, value in group.settings.items() if axis != self.main}
            found.setdefault(self.label(rest), []).append(group)
        return list(found.items())

    def of_status(self, status):
        return [trial for trial in self.trials if trial.status == status]

    def best(self, metric):
        done = [trial for trial in self.trials if math.isfinite(trial.final(metric))]
        sign = -1 if metric.endswith("accuracy") else 1
        return min(done, key=lambda trial: sign * trial.final(metric), default=None)

    def floor(self, name):
        """pca_floor or mean_floor, if it is the same for all trials; else None."""
        found = [trial.numbers().get(name) for trial in self.trials if trial.status == "done"]
        found = [
            value for value in found if value is not None and math.isfinite(value) and value > 0
        ]
        return found[0] if found and max(found) - min(found) <= 1e-9 * max(found) else None

    def has(self, name):
        """Whether any trial's analysis has this array or group."""
        for trial in self.trials:
            for known in trial.run.names("trials", trial.id, "analysis"):
                if known == name or known.startswith(name + "/"):
                    return True
        return False


def short(axis):
    """train.optimizer.adam.lr: adam.lr"""
    return axis if axis.count(".") < 2 else ".".join(axis.split(".")[-2:])


def _place(values, value):
    return values.index(value) if value in values else len(values)


def _distinct(names):
    return [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]


def _take_partial(run, trials):
    """What is known of trials that have not ended is in the log only."""
    waiting = {trial.id: trial for trial in trials if trial.status not in ("done", "failed")}
    if not waiting:
        return
    for event in run.log():
        trial = waiting.get(event.get("trial"))
        if trial is None:
            continue
        if event.get("event") == "trial_start":
            trial.status = "running" if trial.status == "pending" else trial.status
            _forget_after(trial.partial, event.get("epoch", 0))
        if event.get("event") == "warning" and isinstance(event.get("text"), str):
            trial.warnings.append(event["text"])
        if event.get("event") != "epoch":
            continue
        for name, value in event.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                trial.partial.setdefault(name, []).append(value)


def _forget_after(partial, epoch):
    """A job went on from a checkpoint: what an earlier one did after it will come again."""
    if not isinstance(epoch, (int, float)):
        return
    kept = sum(value <= epoch for value in partial.get("epoch", ()))
    for values in partial.values():
        del values[kept:]
