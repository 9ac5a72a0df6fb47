"""What a run left, as numpy arrays and as objects of pandas and xarray.

    from aedist_results import open_run

    run = open_run("runs/bezier")          # a run's folder, or a results.h5
    run.summary                            # DataFrame, a row a trial: settings, status, losses
    run.metrics()                          # Dataset over trial and epoch, with the swept settings
    run.metrics("t4c3")                    # DataFrame over the epochs of one trial
    run.parameters("t4c3")                 # {"encoder.0.weight": array}, in PyTorch's layouts
    run.snapshots("t4c3")                  # Dataset over epoch and sample
    run.analysis("t4c3")["ablation/loss"]  # {name: DataArray}; without a trial: the whole run's
    run.config, run.provenance             # resolved config as text; versions, command, hosts

Needs h5py and numpy; pandas and xarray only for what returns their objects. A trial is named by its
id or by as much of its beginning as no other trial shares. A run that is being written can be read:
results.h5 is replaced as a whole, and what is open here stays what it was. Whatever is wrong with a
path or a file is a RunError, one line with the place and the remedy.
"""

import json
import os

import h5py
import numpy

__all__ = ["open_run", "Run", "RunError"]

SCHEMA = 1
MOST_BYTES = 2 << 30  # of one array; nothing that aedist writes comes near
OUTCOMES = ("trial", "seed", "status", "epochs", "seconds", "samples_per_second", "weights_hash")


class RunError(Exception):
    """Something is wrong with a run; the message is one line."""


def open_run(path):
    """The run in a folder, or of a results.h5. Close it, or use it in a `with`."""
    return Run(path)


def _import(name):
    try:
        return __import__(name)
    except ImportError:
        raise RunError(f"this needs {name}: install the package python3-{name}") from None


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _find_file(path):
    path = os.fspath(path)
    if os.path.isdir(path):
        path = os.path.join(path, "results.h5")
    if not os.path.exists(path):
        raise RunError(f"{path}: there is no such file; is its folder that of a run?")
    return path


class Run:
    def __init__(self, path):
        self.path = _find_file(path)
        self.folder = os.path.dirname(os.path.abspath(self.path))
        self.name = os.path.basename(self.folder)
        self._known, self._names = {}, {}  # what the file holds does not change while it is open
        try:
            self._file = self._open()
        except OSError as error:
            reason = str(error).splitlines()[0]
            raise RunError(
                f"{self.path}: is no readable HDF5 file ({reason}); start the run again to "
                "have it made anew from the ledger"
            ) from None
        try:
            self._check()
        except RunError:
            self.close()
            raise

    def _open(self):
        # The writer renames a finished file over this one, so no lock is needed: some file systems
        # have none. An old h5py, or a file that this process has open already, wants it as ever.
        try:
            return h5py.File(self.path, "r", locking=False)
        except (TypeError, ValueError, OSError):
            return h5py.File(self.path, "r")

    def _check(self):
        version = self._file.attrs.get("schema_version")
        if version is None:
            raise RunError(f"{self.path}: is no results.h5 of aedist: it has no schema_version")
        if not isinstance(version, numpy.integer) or version != SCHEMA:
            raise RunError(
                f"{self.path}: has schema_version {version}, known is {SCHEMA}; use the "
                "scripts of the aedist that wrote it"
            )
        self.columns = {name: self.read("summary", name) for name in self.names("summary")}
        self.trials = [_text(name) for name in self.columns.get("trial", ())]
        lengths = {column.shape for column in self.columns.values()}
        if len(set(self.trials)) != len(self.trials) or len(lengths) > 1:
            raise RunError(
                f"{self.path}: /summary is damaged; start the run again to have it made anew"
            )

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    # ---- Groups and arrays --------------------------------------------------------------------

    def _get(self, path):
        """An object of the file itself, None if there is none: links elsewhere are not followed."""
        if path in self._known:
            return self._known[path]
        parent, _, name = path.strip("/").rpartition("/")
        group, found = self._get(parent) if parent else self._file, None
        try:
            if (
                isinstance(group, h5py.Group)
                and name
                and isinstance(group.get(name, getlink=True), h5py.HardLink)
            ):
                found = group[name]
        except (KeyError, OSError, RuntimeError):
            pass
        self._known[path] = found
        return found

    def names(self, *path):
        """The names of the arrays below a group, those of groups in it as a/b."""
        where = "/".join(path)
        if where not in self._names:
            self._names[where] = self._list(where, 4)
        return self._names[where]

    def _list(self, where, depth):
        group, found = self._get(where), []
        for name in group if isinstance(group, h5py.Group) else ():
            item = self._get(f"{where}/{name}")
            if isinstance(item, h5py.Dataset):
                found.append(name)
            elif isinstance(item, h5py.Group) and depth > 0:
                found += [f"{name}/{below}" for below in self._list(f"{where}/{name}", depth - 1)]
        return found

    def read(self, *path):
        """An array, texts as str; None if there is none."""
        where = "/".join(path)
        item = self._get(where)
        if not isinstance(item, h5py.Dataset) or item.shape is None:
            return None
        if item.size * max(item.dtype.itemsize, 1) > MOST_BYTES:
            raise RunError(f"{self.path}: /{where} has {item.size} numbers, more than can be meant")
        try:
            values = item[()]
        except (OSError, MemoryError, ValueError) as error:
            raise RunError(
                f"{self.path}: /{where} cannot be read ({str(error).splitlines()[0]})"
            ) from None
        values = numpy.asarray(values)
        if values.dtype.kind == "O":
            values = numpy.array([_text(value) for value in values.ravel()], dtype=object).reshape(
                values.shape
            )
        return values

    def attributes(self, *path):
        """The attributes of a group; numbers as Python's."""
        group = self._get("/".join(path)) if path else self._file
        found = {}
        for name in group.attrs if group is not None else ():
            try:
                value = group.attrs[name]
            except (OSError, RuntimeError, TypeError):
                continue  # one that HDF5 cannot read
            found[name] = value.item() if isinstance(value, numpy.generic) else _text(value)
        return found

    def _along(self, *path):
        """The name of the array that counts the first dimension, None if none does."""
        item = self._get("/".join(path))
        try:
            scales = item.dims[0].keys() if item.shape else []
            return (
                scales[0]
                if scales and scales[0]
                else (item.dims[0][0].name.rsplit("/", 1)[1] if len(item.dims[0]) else None)
            )
        except (AttributeError, IndexError, RuntimeError, OSError):
            return None

    # ---- Trials -------------------------------------------------------------------------------

    def trial(self, name):
        """The id of the one trial whose id begins so."""
        found = [trial for trial in self.trials if trial.startswith(name)]
        if name in found:
            return name
        if len(found) != 1:
            raise RunError(
                f"{self.path}: '{name}' "
                + (
                    f"may be any of {len(found)} trials"
                    if found
                    else f"is the beginning of no trial; there are {', '.join(self.trials[:3])} ..."
                )
            )
        return found[0]

    @property
    def axes(self):
        """The swept keys."""
        return self.names("sweep")

    def settings(self, trial):
        """{swept key: value} of a trial."""
        row = self.trials.index(self.trial(trial))
        return {axis: self.columns[axis][row] for axis in self.axes if axis in self.columns}

    def array(self, trial, group, name):
        """One array of a trial's metrics, parameters, snapshots or analysis; None if not there."""
        return self.read("trials", self.trial(trial), group, name)

    def trial_attributes(self, trial):
        """status, reason, seed, config, weights_hash of a trial that has ended."""
        return self.attributes("trials", self.trial(trial))

    def numbers(self, trial):
        """The single numbers of a trial's analysis: best_epoch, pca_floor, mean_floor ..."""
        return self.attributes("trials", self.trial(trial), "analysis")

    # ---- pandas and xarray --------------------------------------------------------------------

    @property
    def summary(self):
        pandas = _import("pandas")
        return pandas.DataFrame(self.columns).set_index("trial")

    def metrics(self, trial=None):
        if trial is not None:
            return self._metrics_frame(self.trial(trial))
        pandas, xarray = _import("pandas"), _import("xarray")
        frames = {
            name: self._metrics_frame(name)
            for name in self.trials
            if self.names("trials", name, "metrics")
        }
        if not frames:
            raise RunError(f"{self.path}: no trial has ended yet, so there are no metrics")
        data = xarray.Dataset.from_dataframe(pandas.concat(frames, names=["trial", "epoch"]))
        for axis in self.axes:
            values = dict(zip(self.trials, self.columns[axis]))
            data = data.assign_coords(
                {axis: ("trial", [values[name] for name in data.trial.values])}
            )
        return data

    def _metrics_frame(self, trial):
        pandas = _import("pandas")
        columns = {
            name: self.array(trial, "metrics", name)
            for name in self.names("trials", trial, "metrics")
        }
        if "epoch" not in columns:
            raise RunError(f"{self.path}: trial {trial} has no metrics yet")
        return pandas.DataFrame(columns).set_index("epoch")

    def parameters(self, trial):
        trial = self.trial(trial)
        return {
            name: self.array(trial, "parameters", name)
            for name in self.names("trials", trial, "parameters")
        }

    def snapshots(self, trial):
        xarray = _import("xarray")
        found = self._arrays("trials", self.trial(trial), "snapshots")
        if not found:
            raise RunError(
                f"{self.path}: trial {trial} has no snapshots; train with "
                "'snapshots={every: 10, samples: 8}'"
            )
        dims = {
            "epoch": ("epoch",),
            "sample": ("sample",),
            "clean": ("sample",),
            "input": ("sample",),
            "output": ("epoch", "sample"),
            "code": ("epoch", "sample"),
        }
        data = {}
        for name, values in found.items():
            known = dims.get(name, ())[: values.ndim]
            rest = tuple(f"{name}_{i}" for i in range(values.ndim - len(known)))
            data[name] = (known + rest, values)
        return xarray.Dataset(
            {name: data[name] for name in data if name not in ("epoch", "sample")},
            {name: data[name] for name in ("epoch", "sample") if name in data},
        )

    def analysis(self, trial=None):
        xarray = _import("xarray")
        path = ("analysis",) if trial is None else ("trials", self.trial(trial), "analysis")
        found = {}
        for name, values in self._arrays(*path).items():
            along = self._along(*path, name)
            dims = [f"{name}_{i}" for i in range(values.ndim)]
            if along and values.ndim:
                dims[0] = along
            found[name] = xarray.DataArray(values, dims=dims, name=name)
        return found

    def _arrays(self, *path):
        return {name: self.read(*path, name) for name in self.names(*path)}

    # ---- The run itself -----------------------------------------------------------------------

    @property
    def config(self):
        return self.attributes().get("config", "")

    @property
    def provenance(self):
        return {name: value for name, value in self.attributes().items() if name != "config"}

    def log(self):
        """The events of log.jsonl, whole lines only; none if it is not there."""
        try:
            with open(
                os.path.join(self.folder, "log.jsonl"), encoding="utf-8", errors="replace"
            ) as file:
                lines = file.read().split("\n")[:-1]
        except OSError:
            return []
        events = []
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue  # half a line, of a job that was killed
            if isinstance(event, dict):
                events.append(event)
        return events
