#!/usr/bin/env python3
"""Rewrites the first trial of a run's ledger, with a right checksum, as a careless or wicked hand would.

usage: forge_ledger.py RUN metric|weight
       forge_ledger.py RUN id OTHER

metric and weight change one number (and the hash of the weights with them); id gives the trial the id
of the first one in the run OTHER.
"""
import hashlib
import pathlib
import struct
import sys
import zlib


def text(payload, at):
    length = struct.unpack_from("<I", payload, at)[0]
    return bytes(payload[at + 4:at + 4 + length]), at + 4 + length


def metrics(payload):
    """Offset of the first metric's value in the last row, behind all that comes before."""
    at = 0
    for _ in range(4):
        _, at = text(payload, at)
    at += 8 * 4
    hash_at = at
    for _ in range(2):
        _, at = text(payload, at)
    count, at = struct.unpack_from("<I", payload, at)[0], at + 4
    for _ in range(count):
        _, at = text(payload, at)
        _, at = text(payload, at)
        at += 8
    columns, at = struct.unpack_from("<I", payload, at)[0], at + 4
    names = []
    for _ in range(columns):
        name, at = text(payload, at)
        names.append(name)
    rows, at = struct.unpack_from("<Q", payload, at)[0], at + 8
    end = at + 8 * rows * columns
    return hash_at, end - 8 * columns + 8 * names.index(b"val_loss"), end


def tensors(payload, at):
    """name -> (offset, bytes) of the parameters."""
    count, at = struct.unpack_from("<I", payload, at)[0], at + 4
    for _ in range(count):
        _, at = text(payload, at)
        at += 8
    found = {}
    count, at = struct.unpack_from("<I", payload, at)[0], at + 4
    for _ in range(count):
        name, at = text(payload, at)
        rank, at = struct.unpack_from("<I", payload, at)[0], at + 4
        size = 4
        for n in struct.unpack_from(f"<{rank}Q", payload, at):
            size *= n
        at += 8 * rank + 8
        found[name] = at, size
        at += size
    return found


def forge(payload, kind, other_id):
    hash_at, value_at, end = metrics(payload)
    if kind == "metric":
        payload[value_at] ^= 1
    elif kind == "weight":
        found = tensors(payload, end)
        payload[found[min(found)][0]] ^= 1
        digest = hashlib.sha256()
        for name in sorted(found):
            digest.update(payload[found[name][0]:sum(found[name])])
        payload[hash_at + 4:hash_at + 68] = digest.hexdigest().encode()
    else:
        payload[4:4 + len(other_id)] = other_id
    return payload


def main(run, kind, other=None):
    path = pathlib.Path(run) / "ledger"
    ledger = bytearray(path.read_bytes())
    at = 8
    kind_of_record, length = struct.unpack_from("<IQ", ledger, at + 4)
    assert kind_of_record == 1
    begin = at + 20
    other_id, _ = text((pathlib.Path(other) / "ledger").read_bytes(), begin) if other else ("", 0)
    payload = forge(ledger[begin:begin + length], kind, other_id)
    ledger[begin:begin + length] = payload
    crc = zlib.crc32(payload, zlib.crc32(ledger[at:at + 16]))
    ledger[at + 16:at + 20] = struct.pack("<I", crc)
    path.write_bytes(ledger)


if __name__ == "__main__":
    if sys.argv[2:] not in (["metric"], ["weight"]) and sys.argv[2:3] != ["id"]:
        sys.exit(__doc__)
    main(*sys.argv[1:])
