#!/usr/bin/env bash
# The Python reader gives what results.h5 holds, and tells in one line what is wrong with a file; the
# report does so too, and leaves no page then.
set -uo pipefail
# shellcheck source=tests/report/common.sh
. "$AEDIST_SOURCE/tests/report/common.sh"
need h5py,matplotlib,jinja2,pandas,xarray

train 0 run bezier train.epochs=20 'sweep.seed=[1,2]' 'sweep.noise_scale=[0,1]' snapshots.every=10 \
    snapshots.samples=3
forge run
"$AEDIST_PYTHON" "$AEDIST_SOURCE/tests/report/check_reader.py" run || fail "what the reader gives"

# refuse TEXT RUN: exit code 3, one line with TEXT, no page.
refuse() {
    report "$2" >stdout 2>stderr
    local status=$?
    if [ $status -ne 3 ] || [ "$(wc -l <stderr)" -ne 1 ] || ! grep -qF -- "$1" stderr || [ -s stdout ]; then
        fail "$2: exit $status, $(<stdout) $(<stderr)"
    fi
    [ ! -e "$2/report.html" ] || fail "$2: a page of nothing"
}
mkdir empty text cut old foreign bent
echo "no file of HDF5" >text/results.h5
head -c 3000 run/results.h5 >cut/results.h5
"$AEDIST_PYTHON" - <<'END' || exit 1
import shutil, h5py
for name in "old", "foreign", "bent":
    shutil.copy("run/results.h5", name)
with h5py.File("old/results.h5", "r+") as file:
    file.attrs["schema_version"] = 999
with h5py.File("foreign/results.h5", "r+") as file:
    del file.attrs["schema_version"]
with h5py.File("bent/results.h5", "r+") as file:
    del file["summary/status"]
    file["summary/status"] = [b"done"]
END
refuse 'there is no such file' empty
refuse 'there is no such file' nowhere
refuse 'is no readable HDF5 file' text
refuse 'is no readable HDF5 file' cut
refuse 'has schema_version 999' old
refuse 'is no results.h5 of aedist' foreign
refuse 'is damaged' bent

# What a file says is text, whatever it looks like; and odd arrays are left out.
mkdir hostile
"$AEDIST_PYTHON" - <<'END' || exit 1
import shutil, h5py, numpy
shutil.copy("run/results.h5", "hostile")
with h5py.File("hostile/results.h5", "r+") as file:
    file.attrs["command"] = file.attrs["config"] = "</pre><script>alert(1)</script>"
    for number, trial in enumerate(file["trials"].values()):
        analysis = trial["analysis"]
        for name in list(analysis):
            del analysis[name]
        analysis["ablation/loss"] = numpy.zeros((2, 0) if number else 0)
        analysis["confusion"] = numpy.zeros((0, 3))
        analysis["code_confusion/counts"] = numpy.ones((3, 2))
        analysis["code_confusion/order"] = [7, 8]
        analysis["reconstruct/clean"] = numpy.full((2, 7), numpy.nan)
        analysis["reconstruct/output"] = numpy.zeros((2, 7))
        analysis["encode/code"] = h5py.Empty("f4")
        analysis["robustness/loss"] = [1.0, 2.0]
        analysis["robustness/noise"] = [1.0]
        analysis["decode/axes_values"] = numpy.zeros(0)
        analysis["decode/axes_output"] = numpy.zeros((3, 0, 1, 7))
        analysis["worst/loss"] = 1.0
        analysis["assemble/loss"] = [numpy.nan]
        analysis["epochs_to/epoch"] = [numpy.nan]
        analysis["products/scaled"] = numpy.zeros((0, 7))
        analysis["decode/one_hot_output"] = h5py.ExternalLink("/etc/passwd", "x")
        trial["snapshots/epoch"][...] = -1
END
report hostile >stdout 2>stderr || fail "hostile: $(<stderr)"
[ ! -s stderr ] || fail "hostile: $(<stderr)"
! grep -q '<script>alert' hostile/report.html || fail "a text of the file became a part of the page"
# 2 and no page: usage.
report >stdout 2>stderr
[ $? -eq 2 ] || fail "no run is no usage error"
report run --output page.txt >stdout 2>stderr
[ $? -eq 2 ] || fail "page.txt is taken for a page"
report run --trials zzz >stdout 2>stderr
[ $? -eq 3 ] || fail "a trial that is not there"
report --help | grep -q '^Usage: scripts/aedist-report' || fail "--help"
echo "the reader reads"
