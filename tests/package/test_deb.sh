#!/usr/bin/env bash
# The Debian packages: what they hold and depend on. With AEDIST_FULL_TESTS=1, as root on Debian, they are
# installed into a clean root by the steps of the Apptainer image, and used there as users do.
set -euo pipefail
# shellcheck source=tests/support/scratch.sh
. "$AEDIST_SOURCE/tests/support/scratch.sh"

can_make_root() {
    [ "${AEDIST_FULL_TESTS:-0}" = 1 ] && [ "$(id -u)" -eq 0 ] && command -v debootstrap >/dev/null &&
        grep -qx ID=debian /etc/os-release && unshare --mount true
}

# The clean root lies in memory, as dpkg waits for the disk after every file, and in a namespace of this
# script's own, so that nothing is left of it, or mounted into it, at the end.
if [ "${AEDIST_NAMESPACE:-}" != own ] && can_make_root; then
    AEDIST_NAMESPACE=own exec unshare --mount bash "$0"
fi

command -v dpkg-shlibdeps >/dev/null || exit 77 # no Debian
cpack --config "$AEDIST_BUILD/CPackConfig.cmake" -B packages >cpack.log || fail "$(cat cpack.log)"
program=$(echo packages/aedist_*.deb)
library=$(echo packages/libaedist-dev_*.deb)

depends=$(dpkg-deb --field "$program" Depends)
for package in openmpi-bin libopenblas0-serial libhdf5 libyaml libmuparser libmd zlib1g libc6; do
    case $depends in *"$package"*) ;; *) fail "no $package among: $depends" ;; esac
done
dpkg-deb --contents "$program" | awk '{ print $6 }' >files.txt
for file in bin/aedist bin/aedist-report share/man/man1/aedist.1.gz share/bash-completion/completions/aedist \
    share/zsh/vendor-completions/_aedist share/aedist/configs/bezier.yaml \
    share/aedist/slurm/sweep.sbatch share/doc/aedist/copyright; do
    grep -qx "./usr/$file" files.txt || fail "$program has no $file"
done
if grep -q '/include/\|\.a$' files.txt; then fail "$program has parts of the library"; fi
dpkg-deb --fsys-tarfile "$program" | tar -xO ./usr/share/man/man1/aedist.1.gz | gunzip >aedist.1
for command in $("$AEDIST" --complete "" | sed '/^</d'); do
    grep -qx ".SS $command" aedist.1 || fail "the manual lacks the command $command"
    "$AEDIST" --help | grep "aedist $command " >/dev/null || fail "--help lacks the command $command"
done
for text in '.B \-\-dry\-run' '.SH "EXIT STATUS"'; do
    grep -qF -- "$text" aedist.1 || fail "the manual lacks: $text"
done

# ---- In a clean root ---------------------------------------------------------------------------
if [ "${AEDIST_NAMESPACE:-}" != own ]; then exit 0; fi
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
root=$AEDIST_SCRATCH/root
mkdir "$root"
mount --make-rprivate /
mount -t tmpfs -o size=4g clean-root "$root"
inside() {
    chroot "$root" "$@"
}
note() {
    echo "$SECONDS s: $*"
}
section() {
    sed -n "/^%$1\$/,/^%/ { /^%/d; p; }" "$AEDIST_SOURCE/scripts/package/aedist.def"
}

note "making a clean root"
timeout 300 debootstrap --variant=minbase "$release" "$root" >debootstrap.log ||
    { tail -n 3 debootstrap.log; echo "no clean root could be made"; exit 77; }
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
note "installing the program"
cp "$program" "$root/opt/aedist.deb"
inside sh -e -c "$(section post)" >install.log 2>&1 || fail "$(tail -n 20 install.log)"
inside sh -e -c "$(section test)" | grep '^aedist ' >/dev/null

# A user of that root trains on two ranks, and gets the same bits as here.
note "training"
recipe=(train.epochs=5 'sweep.seed=[11]' --output run)
inside useradd --create-home tester
inside su tester -c 'cd && mpirun --oversubscribe -np 2 aedist /usr/share/aedist/configs/bezier.yaml \
    train.epochs=5 "sweep.seed=[11]" --output run' >run.txt 2>&1 || fail "$(cat run.txt)"
"$AEDIST" "$AEDIST_SOURCE/configs/bezier.yaml" "${recipe[@]}" >here.txt
hash_of() {
    sed -n '/ weights / { s/.*weights \([0-9a-f]*\).*/\1/p; q; }' "$1"
}
there=$(hash_of run.txt) here=$(hash_of here.txt)
if [ -z "$there" ] || [ "$there" != "$here" ]; then fail "weights '$there' there, '$here' here"; fi

note "installing the library"
cp "$library" "$root/opt/library.deb"
inside sh -e -c 'export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends man-db bash-completion gcc libc6-dev cmake make \
        /opt/library.deb' >library.log 2>&1 || fail "$(tail -n 20 library.log)"
# The manual shows, completion completes, and the examples build with the library's package alone.
note "using it"
inside su tester -c 'man aedist' | grep 'EXIT STATUS' >/dev/null
# shellcheck disable=SC2016  # the user's bash is to expand it
inside su tester -c 'bash -c "
    . /usr/share/bash-completion/bash_completion
    _completion_loader aedist || [ \$? -eq 124 ]
    COMP_LINE=\"aedist my.yaml train.ba\" COMP_POINT=23
    _aedist
    [ \"\${COMPREPLY[*]}\" = train.batch= ]"'
inside su tester -c 'cd && cmake -S /usr/share/doc/aedist/examples -B examples >/dev/null &&
    cmake --build examples >/dev/null && mpirun --oversubscribe -np 2 examples/train' >train.txt
grep -q '^weights_hash ' train.txt
