"""Holds what aedist_results gives of a run against h5py: check_reader.py RUN."""

import os
import sys

import h5py
import numpy

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
from aedist_results import RunError, open_run  # noqa: E402
from aedist_report.intervals import mean_interval, t_quantile  # noqa: E402


def refused(text, action):
    try:
        action()
    except RunError as error:
        assert text in str(error) and "\n" not in str(error), error
    else:
        sys.exit(f"FAILED: not refused: {text}")


def check_run(path, file):
    with open_run(path) as run:
        ids = list(file["summary/trial"].asstr())
        first = file["trials"][ids[0]]
        assert list(run.summary.index) == ids and (run.summary.status == "done").all()
        assert (run.summary.val_loss_final.values == file["summary/val_loss_final"][:]).all()
        assert run.axes == ["noise_scale", "seed"]
        frame = run.metrics(ids[0])
        assert (frame.val_loss.values == first["metrics/val_loss"][:]).all()
        assert (frame.index == first["metrics/epoch"][:]).all()
        data = run.metrics()
        assert data.val_loss.dims == ("trial", "epoch") and set(data.trial.values) == set(ids)
        assert (data.val_loss.sel(trial=ids[0]).values == frame.val_loss.values).all()
        row = list(data.trial.values).index(ids[0])
        assert data.noise_scale.values[row] == file["summary/noise_scale"][0]
        parameters = run.parameters(ids[0][:9])
        assert set(parameters) == set(first["parameters"])
        assert (parameters["encoder.0.weight"] == first["parameters/encoder.0.weight"][:]).all()
        shots = run.snapshots(ids[0])
        assert shots.output.dims[:2] == ("epoch", "sample") and list(shots.epoch.values) == [
            0,
            10,
            20,
        ]
        assert (shots.output.values == first["snapshots/output"][:]).all()
        assert (
            run.analysis(ids[0])["ablation/loss"].values == first["analysis/ablation/loss"][:]
        ).all()
        assert "filters/encoder.0_order" in run.analysis()
        assert run.config == file.attrs["config"] and run.provenance["ranks"] == 1
        assert "run_end" in [event["event"] for event in run.log()]
        refused("is the beginning of no trial", lambda: run.trial("x"))
        refused("may be any of 4 trials", lambda: run.trial("t"))


def check_intervals():
    """Quantiles of any table of Student's t, and an interval by hand."""
    for freedom, quantile in (1, 12.7062), (2, 4.3027), (4, 2.7764), (9, 2.2622), (30, 2.0423):
        assert abs(t_quantile(freedom) - quantile) < 1e-4, freedom
    mean, half, count = mean_interval([1, 2, 3, numpy.nan])
    assert count == 3 and mean == 2 and abs(half - 4.3027 / 3**0.5) < 1e-4


check_run(sys.argv[1], h5py.File(os.path.join(sys.argv[1], "results.h5")))
check_intervals()
