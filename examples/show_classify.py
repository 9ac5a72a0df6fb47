"""The code as a class: accuracy, what is taken for what, and what each class alone decodes to.

aedist configs/classify.yaml sweep.seed=[1,2,3] analysis.decode.one_hot=true --output runs/classify
python3 examples/show_classify.py runs/classify classify.png
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
accuracy = run.summary.val_accuracy_final
print(f"accuracy {accuracy.mean():.4f}, standard deviation {accuracy.std():.4f}, "
      f"of {len(accuracy)} seeds")

found = run.analysis(accuracy.idxmax())
confusion = found["confusion"].values
print("Of the best seed, a row a class, a column what it is taken for:", confusion, sep="\n")
wrong = confusion - numpy.diag(numpy.diag(confusion))
label, taken = numpy.unravel_index(wrong.argmax(), wrong.shape)
print(f"Most often {label} is taken for {taken}, {wrong.max()} times.")

images = found["decode/one_hot_output"].values
figure, plots = plt.subplots(1, len(images), figsize=(1.1 * len(images), 1.4))
for label, (plot, image) in enumerate(zip(plots, images)):
    plot.imshow(image[0], cmap="gray")
    plot.set_axis_off()
    plot.set_title(label)
figure.savefig(sys.argv[2], bbox_inches="tight", dpi=120)
print(f"{sys.argv[2]}: what the ten one-hot codes decode to")
