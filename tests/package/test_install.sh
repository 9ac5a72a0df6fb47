#!/usr/bin/env bash
# What `cmake --install` leaves works from any prefix: the program, the library through its headers alone, the
# CMake package, pkg-config, the job scripts.
set -euo pipefail
rm -rf "$AEDIST_SCRATCH"
mkdir -p "$AEDIST_SCRATCH/sources"
cd "$AEDIST_SCRATCH"
prefix=$AEDIST_SCRATCH/moved
cmake --install "$AEDIST_BUILD" --prefix "$AEDIST_SCRATCH/first" >install.log
mv first moved
fail() {
    echo "$*"
    exit 1
}

# Every header stands alone, in C and in C++.
read -ra mpi < <(mpicc -showme:compile)
for header in "$prefix"/include/aedist/*.h; do
    name=${header##*/}
    echo "#include <aedist/$name>" | tee "sources/$name.c" >"sources/$name.cc"
done
cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$prefix/include" "${mpi[@]/#-I/-isystem}" \
    sources/*.c
c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$prefix/include" \
    "${mpi[@]/#-I/-isystem}" sources/*.cc

# The examples, against the CMake package; the same bits on one and two ranks.
cmake -S "$AEDIST_SOURCE/examples" -B examples -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_FLAGS=-Werror >examples.log
cmake --build examples >>examples.log || fail "$(cat examples.log)"
for example in train layer; do
    for ranks in 1 2; do
        mpirun -np $ranks "examples/$example" >"$example-$ranks.txt"
    done
    cmp "$example-1.txt" "$example-2.txt"
    grep -q '^weights_hash [0-9a-f]\{64\}$' "$example-1.txt"
done
lines=$(wc -l <"$AEDIST_SOURCE/examples/train.c")
[ "$lines" -le 100 ] || fail "examples/train.c has $lines lines"
last=$(sed -n 's/^epoch 100 .*val_loss //p' train-1.txt)
awk -v loss="$last" 'BEGIN { exit !(loss > 0 && loss < 0.001) }' || fail "train ended with $last"
if examples/layer model.encoder.0=gian 2>refused.txt; then fail "gian was taken"; fi
grep -q "did you mean 'gain'" refused.txt

# pkg-config has all that a linker needs, and the same library gives the same bits. C++ links it too.
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
[ -e "$PKG_CONFIG_PATH/aedist.pc" ] || PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name aedist.pc)")
# Blanks in the prefix are escaped, as a shell and xargs read them.
mapfile -t flags < <(pkg-config --cflags --libs aedist | xargs --max-args 1)
cc -std=c11 "$AEDIST_SOURCE/examples/train.c" "${flags[@]}" -o train
./train >pkg-config.txt
cmp train-1.txt pkg-config.txt
cat >linked.cc <<'END'
#include <aedist/autoencoder.h>
int main() { aed_autoencoder *none = nullptr; aed_autoencoder_destroy(&none); return aed_fail(AED_OK, "-"); }
END
c++ linked.cc "${flags[@]}" -o linked
./linked
"$prefix/bin/aedist" --version | grep -x "aedist $(pkg-config --modversion aedist)" >/dev/null

# The program with its recipes; a serial OpenBLAS whatever the system prefers.
mpirun -np 2 "$prefix/bin/aedist" "$prefix/share/aedist/configs/bezier.yaml" 'sweep.seed=[11]' \
    train.epochs=5 --output run >run.txt
"$AEDIST" info run >info.txt
for script in "$prefix"/share/aedist/examples/*.py; do
    reader=$(dirname "$script")/../scripts/aedist_results.py
    if ! grep -q 'parent.parent / "scripts"' "$script" || [ ! -f "$reader" ]; then
        fail "$script does not find $reader"
    fi
done
PYTHONPATH=$prefix/share/aedist/scripts PYTHONDONTWRITEBYTECODE=1 "$AEDIST_PYTHON" -c \
    'from aedist_results import open_run; print(open_run("run").summary)' >summary.txt
if [ -d "/usr/lib/$(cc -print-multiarch)/openblas-serial" ]; then
    ldd "$prefix/bin/aedist" | grep 'libopenblas.*=> .*/openblas-serial/' >/dev/null
fi

# The job scripts find what is installed, by the program on the PATH.
for script in "$prefix"/share/aedist/slurm/*.sbatch; do
    bash -n "$script"
    if grep -q 'build/release\|SLURM_SUBMIT_DIR' "$script"; then fail "$script wants a source folder"; fi
    settings=$(sed -n '/^AEDIST.*=/p' "$script")
    found=$(env -u AEDIST -u AEDIST_SOURCE PATH="$prefix/bin:$PATH" bash -c "$settings"$'\necho "$AEDIST_SOURCE|$AEDIST_CONFIG|$AEDIST"')
    IFS='|' read -r source config program <<<"$found"
    if [ "$source" != "$prefix/share/aedist" ] || [ ! -f "$config" ] || [ "$program" != aedist ] ||
        [ ! -f "$source/slurm/launch.sh" ]; then
        fail "$script found $found"
    fi
done
