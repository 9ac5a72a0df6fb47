"""Linear autoencoders: they find what principal component analysis finds.

aedist configs/linear2.yaml train.epochs=20000 sweep.seed=[1,2,3] analysis.pca=true \
    --output runs/linear2
python3 examples/show_linear.py runs/linear2          # or a run of linear4
"""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
from aedist_results import open_run

run = open_run(sys.argv[1])
for trial in run.trials:
    found, weights = run.analysis(trial), run.parameters(trial)
    loss = run.summary.val_loss_final[trial]
    floor, nothing = found["pca/floor"].item(), found["pca/mean_floor"].item()
    print(f"seed {run.summary.seed[trial]}: loss {loss:.4g}; the mean sample {nothing:.4g}, "
          f"principal components {floor:.4g}")
    if floor < 1e-9 * nothing:
        print("  the code is wide enough for a loss of 0")
        continue
    components = found["pca/components"].values.reshape(len(found["pca/components"]), -1)
    # The decoder's columns span what the outputs can be. Is it what the components span?
    span = numpy.linalg.qr(weights["decoder.0.weight"])[0]
    cosines = numpy.linalg.svd(components @ span, compute_uv=False)
    print(f"  loss over floor {loss / floor:.5f}; between decoder and components at most "
          f"{numpy.degrees(numpy.arccos(min(cosines.min(), 1))):.3f} degrees")
