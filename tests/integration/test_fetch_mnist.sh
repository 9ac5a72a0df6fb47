#!/usr/bin/env bash
# scripts/fetch-mnist takes nothing but the right files, and says what to do where there are none.
set -uo pipefail
rm -rf "$AEDIST_SCRATCH"
mkdir -p "$AEDIST_SCRATCH/server"
cd "$AEDIST_SCRATCH" || exit 1
failed=0

if ! command -v curl >/dev/null && ! command -v wget >/dev/null; then
    echo "neither curl nor wget: nothing to test"
    exit 0
fi

# A server on this machine with a wrong file under the right name; it writes its port.
printf 'not what it should be' >server/train-images-idx3-ubyte.gz
"$AEDIST_PYTHON" -u -c '
import functools, http.server
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="server")
server = http.server.HTTPServer(("127.0.0.1", 0), handler)
print(server.server_address[1])
server.serve_forever()' >port 2>server.log &
server=$!
trap 'kill $server' EXIT
for _ in {1..100}; do
    [ -s port ] && break
    sleep 0.1
done

# expect CODE TEXT URL ARG...: the script must exit with CODE and say TEXT.
expect() {
    local code=$1 text=$2 url=$3 status
    shift 3
    no_proxy='*' AEDIST_MNIST_URL=$url timeout 60 "$AEDIST_SOURCE/scripts/fetch-mnist" "$@" >out 2>&1
    status=$?
    if [ $status -ne "$code" ] || ! grep -q "$text" out; then
        echo "FAILED: fetch-mnist $* from $url: exit $status, wanted $code and: $text"
        sed 's/^/    /' out
        failed=1
    fi
}

here=http://127.0.0.1:$(cat port)
expect 1 "train-images-idx3-ubyte.gz is not the file that it should be" "$here" wrong
expect 1 "copy the four files of MNIST into" "$here/nowhere" wrong
printf 'a part' >wrong/train-images-idx3-ubyte.gz.part
expect 1 "name another mirror" "$here $here/" wrong
expect 2 "unknown argument '--all'" "$here" --all
expect 2 "a second folder 'b'" "$here" a b
expect 0 "Usage: scripts/fetch-mnist" "$here" --help
if [ -n "$(ls wrong)" ]; then
    echo "FAILED: there are files that are not MNIST's: $(ls wrong)"
    failed=1
fi
exit $failed
