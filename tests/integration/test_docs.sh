#!/usr/bin/env bash
# README and tutorial hold: their blocks run in order, in a folder that is laid out as the repository and
# whose path has a blank, and print what they say. MNIST's files are taken from the folder AEDIST_MNIST;
# without it their blocks are left out.
set -uo pipefail
rm -rf "$AEDIST_SCRATCH"
python=$(command -v "$AEDIST_PYTHON") || exit 1

# page NAME FILE: runs a page in a folder of its own.
page() {
    local folder="$AEDIST_SCRATCH/$1 page"
    mkdir -p "$folder/build/release" "$folder/bin"
    ln -s "$AEDIST_SOURCE"/{configs,docs,examples,scripts,slurm} "$folder"
    ln -s "$AEDIST" "$folder/build/release/aedist"
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$python" >"$folder/bin/python3"
    chmod +x "$folder/bin/python3"
    [ -z "${AEDIST_MNIST:-}" ] || cp -r "$AEDIST_MNIST" "$folder/mnist"
    (cd "$folder" && PATH=$folder/bin:$PATH "$python" \
        "$AEDIST_SOURCE/tests/support/run_docs.py" "$2")
}

# refuse TEXT: a page (standard input) that does not hold is told as such.
refuse() {
    cat >"$AEDIST_SCRATCH/wrong.md"
    if page wrong "$AEDIST_SCRATCH/wrong.md" >"$AEDIST_SCRATCH/wrong.txt" 2>&1 ||
        ! grep -qF -- "$1" "$AEDIST_SCRATCH/wrong.txt"; then
        echo "FAILED: not refused with '$1': $(<"$AEDIST_SCRATCH/wrong.txt")"
        failed=1
    fi
    rm -rf "$AEDIST_SCRATCH/wrong page"
}

failed=0
mkdir -p "$AEDIST_SCRATCH"
refuse 'wrong.md:2: exit 1' <<'END'
```sh
false
true
```
END
refuse 'wrong.md:6: echo 2' <<'END'
```console
$ echo 1 && false
1
$ echo $?
1
$ echo 2
3 ...
```
END
refuse 'wrong.md:2: python3' <<'END'
```python
print("one")
```

```text
one
...
two
```
END
refuse 'begins with its file' <<'END'
```yaml
data: {source: glyphs}
```
END
page readme "$AEDIST_SOURCE/README.md" || failed=1
page tutorial "$AEDIST_SOURCE/docs/tutorial.md" || failed=1
exit $failed
