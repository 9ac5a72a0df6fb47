"""The deconvolution of curves: what noise on the code does to channels and filters.

aedist configs/bezier.yaml sweep.noise_scale=[0,1] sweep.input_noise=[0,0.01] \
    analysis.ablation=true analysis.filters=true analysis.assemble=true --output runs/bezier
python3 examples/show_bezier.py runs/bezier
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
from aedist_results import open_run

run = open_run(sys.argv[1])
losses = run.summary.groupby(["noise_scale", "input_noise"]).val_loss_final
print("Loss on clean windows:")
print(losses.agg(["mean", "std", "count"]).to_string(float_format="{:.4g}".format))

print("\nLoss with each channel of the code zeroed:")
for trial, row in run.summary.sort_values(["noise_scale", "input_noise", "seed"]).iterrows():
    ablation = run.analysis(trial)["ablation/loss"].values
    print(f"  noise_scale {row.noise_scale:g}  input_noise {row.input_noise:g}  seed {row.seed}: ",
          " ".join(f"{loss:9.3g}" for loss in ablation))

matched = run.analysis()
rows, groups = matched["filters/trial"].values, matched["filters/group"].values
print("\nLikeness of the filters to those of the first seed (1: the same):")
for layer in "encoder.0", "decoder.0":
    for group, (mean, worst) in enumerate(zip(matched[f"filters/{layer}_consistency"].values,
                                              matched[f"filters/{layer}_worst"].values)):
        row = run.summary.iloc[rows[groups == group][0]]
        print(f"  {layer}  noise_scale {row.noise_scale:g}  input_noise {row.input_noise:g}: "
              f"mean {mean:.4f}, worst {worst:.4f}")

print("\nWhole curves put together, overlaps as sum, halve, average; mean over the seeds:")
for name, same in run.summary.groupby(["noise_scale", "input_noise"]):
    found = [run.analysis(trial)["assemble/loss"].values for trial in same.index]
    mean = sum(found) / len(found)
    print(f"  noise_scale, input_noise {name}: ", " ".join(f"{loss:9.3g}" for loss in mean))
