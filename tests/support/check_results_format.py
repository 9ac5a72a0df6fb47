"""Holds docs/results-format.md against results.h5: check_results_format.py PAGE RESULTS ...

Whatever the files hold must stand in a table of the page, with its type and number of dimensions;
and whatever stands there must be in one of the files.
"""

import re
import sys

import h5py

ROW = re.compile(r"^\| `(/[^`]*)` \| ([^|\[]*)(?:\[([^\]]*)\])? \|", re.M)
SHAPES = ("clean", "output", "code", "shape")  # of any number of dimensions
OF_HDF5 = ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST")


# What the placeholders of a name stand for; each file has keys and metrics of its own.
PLACEHOLDERS = {
    "id": r"t[0-9a-f]+",
    "part": r"(?:encoder|decoder)",
    "layer": r"\d+",
    "pass": r"(?:train|val|noisy)",
    "term": r"[a-z_]+",
    "name": r"noisy",
    "chosen": r"(?:products|reconstruct|shared_point|worst)",
}


class Row:
    def __init__(self, name, types, shape):
        self.name, self.found = name, False
        self.types = re.findall(r"\w+", types.replace(" or ", " "))
        self.dims = [dim.strip() for dim in shape.split(",")] if shape else []
    def names(self, name, placeholders):
        parts = re.split(r"<(\w+)>", self.name.replace("/@", "@"))
        pattern = [placeholders[part] if i % 2 else re.escape(part) for i, part in enumerate(parts)]
        return re.fullmatch("".join(pattern), name)

    def fits(self, type_name, rank):
        free = sum(dim in SHAPES for dim in self.dims)
        least = len(self.dims) - free
        return type_name in self.types and (rank == least if not free else rank >= least)


def type_of(dtype):
    return "text" if h5py.check_string_dtype(dtype) else dtype.name


def things(file):
    """(name, type, number of dimensions) of all attributes and arrays."""
    found = [("@" + name, type_of(file.attrs.get_id(name).dtype), 0) for name in file.attrs]

    def visit(path, item):
        for name in item.attrs:
            if name not in OF_HDF5:
                found.append((f"/{path}@{name}", type_of(item.attrs.get_id(name).dtype), 0))
        if isinstance(item, h5py.Dataset):
            found.append(("/" + path, type_of(item.dtype), item.ndim))

    file.visititems(visit)
    return found


def placeholders_of(file):
    """With the swept keys and the metrics of a file."""
    metrics = {"train_loss", "val_loss"}
    for trial in file["trials"].values():
        metrics.update(trial["metrics"])
    return PLACEHOLDERS | {
        "key": f"(?:{'|'.join(map(re.escape, file['sweep'])) or '(?!)'})",
        "metric": f"(?:{'|'.join(map(re.escape, metrics))})",
    }


def main(page, paths):
    with open(page, encoding="utf-8") as file:
        rows = [Row(*match) for match in ROW.findall(file.read())]
    faults = set()
    for path in paths:
        with h5py.File(path) as file:
            placeholders = placeholders_of(file)
            for name, type_name, rank in things(file):
                known = [row for row in rows if row.names(name, placeholders)]
                for row in known:
                    row.found = True
                short = re.sub(r"/t[0-9a-f]{12}", "/<id>", name)
                if not known:
                    faults.add(f"{short} ({type_name}, {rank} dimensions) is not on the page")
                elif not any(row.fits(type_name, rank) for row in known):
                    faults.add(f"{short} is {type_name} of {rank} dimensions, unlike on the page")
    faults |= {f"{row.name} is in none of the files" for row in rows if not row.found}
    for fault in sorted(faults):
        print("FAILED:", fault)
    print(f"{len(rows)} names on the page, {len(paths)} files")
    return 1 if faults or len(rows) < 50 else 0


sys.exit(main(sys.argv[1], sys.argv[2:]))
