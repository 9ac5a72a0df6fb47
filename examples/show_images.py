"""Autoencoders of images: losses over the seeds, and how the outputs came about, as a picture.

aedist configs/denoise.yaml sweep.seed=[1,2,3] snapshots='{every: 4, samples: 8}' \
    --output runs/denoise
python3 examples/show_images.py runs/denoise denoise.png    # fc32, conv, upsample, deep ... alike
"""
import pathlib
import sys

import matplotlib
import numpy

matplotlib.use("Agg")
import matplotlib.pyplot as plt

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
from aedist_results import open_run

run = open_run(sys.argv[1])
done = run.summary[run.summary.status == "done"]
for column in [name for name in done if name.endswith("_loss_final")]:
    print(f"{column}: {done[column].mean():.5f}, standard deviation {done[column].std():.5f}, "
          f"of {len(done)} trials")

best = done.val_loss_final.idxmin()
shots = run.snapshots(best)
rows = {"clean": shots.clean, "input": shots.input}
for at in sorted({int(at) for at in numpy.linspace(0, len(shots.epoch) - 1, 5)}):
    rows[f"epoch {shots.epoch.values[at]}"] = shots.output[at]
figure, plots = plt.subplots(len(rows), 1, figsize=(8, 1.1 * len(rows)))
for plot, (name, images) in zip(plots, rows.items()):
    pixels = images.values.reshape(-1, *images.shape[-2:])  # one channel
    plot.imshow(numpy.concatenate(list(pixels), axis=1), cmap="gray",
                vmin=float(shots.clean.min()), vmax=float(shots.clean.max()))
    plot.set_yticks([])
    plot.set_xticks([])
    plot.set_ylabel(name, rotation=0, ha="right")
figure.savefig(sys.argv[2], bbox_inches="tight", dpi=120)
print(f"{sys.argv[2]}: trial {best}")
