"""The denoising of four signals: vectors before and after, and the loss of predicting zero.

aedist configs/signal.yaml sweep.seed=[1,2,3] snapshots='{every: 10, samples: 1}' \
    --output runs/signal
python3 examples/show_signal.py runs/signal
"""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
from aedist_results import open_run

run = open_run(sys.argv[1])
losses = run.metrics().train_loss
last = losses.isel(epoch=slice(-10, None)).mean("epoch")
print("Mean of the last ten training losses:",
      ", ".join(f"seed {seed}: {loss:.4f}" for seed, loss in zip(last.seed.values, last.values)))

shots = run.snapshots(run.trials[0])
clean, noisy = shots.clean.values[0], shots.input.values[0]
print(f"Predicting zero gives {numpy.mean(clean ** 2):.4f} for the sample below.")
numpy.set_printoptions(precision=2, suppress=True, linewidth=120)
for channel in range(len(clean)):
    print(f"\nfunction {channel + 1}\n  clean   {clean[channel]}\n  noisy   {noisy[channel]}")
    for epoch in shots.epoch.values[[0, -1]]:
        output = shots.output.sel(epoch=epoch).values[0, channel]
        error = numpy.mean((output - clean[channel]) ** 2)
        print(f"  output  {output}  epoch {epoch}, error {error:.4f}")
