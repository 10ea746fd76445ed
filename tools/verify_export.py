#!/usr/bin/env python3
"""Checks an evidence bundle of `vaultscope store export` without vaultscope: plain Python 3.8, standard library only.

    verify_export.py FOLDER [PUBLIC-KEY]        exit status: 0 sound, 3 something is wrong, 1 it could not be read

The formats are in docs/ledger.md. It names the first line that is not what was exported. PUBLIC-KEY (name+hash+base64) is a copy of the
store's signing.pub that came another way; without it the bundle is held to the key that it names itself.
"""
import base64, functools, hashlib, json, os, sys

# Ed25519, RFC 8032, verification only.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - x2) % P or (x == 0 and sign):
        raise ValueError("not a point")
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(n, a):
    out = (0, 1, 1, 0)
    while n:
        out, a, n = add(out, a) if n & 1 else out, add(a, a), n >> 1
    return out


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


@functools.lru_cache(maxsize=64)
def ed25519(key, text, signature):
    try:
        a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    except ValueError:
        return False
    if len(signature) != 64 or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(k, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 == (left[1] * right[2] - right[1] * left[2]) % P


class Wrong(Exception):
    """The first that is wrong: a line of the events (0: the manifest), the event that belongs there, and why."""

    def __init__(self, why, line=0, seq=None):
        super().__init__(why)
        self.why, self.line, self.seq = why, line, seq


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def opened(note, key):
    """The text of a signed note that this key has signed."""
    name, key_hash, key = key.split("+", 2)
    key = base64.b64decode(key, validate=True)
    full = sha(name.encode(), b"\n", key)[:4]
    text, signatures = note[: note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2 :].splitlines()
    if len(key) != 33 or key[0] != 1 or key_hash != full.hex():
        raise ValueError("not a key")
    for line in signatures:
        dash, who, data = line.split(" ")
        data = base64.b64decode(data, validate=True)
        if (dash, who, data[:4]) == ("\u2014", name, full) and ed25519(key[1:], text.encode(), data[4:]):
            return text
    raise ValueError("not signed")


def leaf(text, seq, batch):
    """The leaf of a line, if it is the line of this event as it was written."""
    keys = {"seq": int, "batch": int, "tag": str, "account": str, "feed": str, "uuid": str, "arrived": int, "source": str, "raw": str}
    event = json.loads(text.decode())
    if list(event) != list(keys) or any(type(event[k]) is not t for k, t in keys.items()):
        raise ValueError("not an event")
    if json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() != text:
        raise ValueError("not as written")
    if (event["seq"], event["batch"]) != (seq, batch):
        raise ValueError("another event")
    field = lambda s: len(s.encode()).to_bytes(2, "big") + s.encode()
    raw, arrived = event["raw"].encode(), event["arrived"].to_bytes(8, "big", signed=True)
    out = sha(b"\0\1", field(event["account"]), field(event["feed"]), field(event["uuid"]), arrived, field(event["source"]),
              len(raw).to_bytes(8, "big"), raw)
    if out[:8].hex() != event["tag"]:
        raise ValueError("not the event")
    return out


def tree(at, size, nodes, leaves):
    """The hash of a subtree from what is there (leaves) and what stands for what is not (nodes), both in order."""
    if nodes and nodes[0][:2] == [at, size]:
        return bytes.fromhex(nodes.pop(0)[2])
    if size == 1:
        return leaves.pop(0)
    k = 1 << (size - 1).bit_length() - 1
    left = tree(at, k, nodes, leaves)
    return sha(b"\1", left, tree(at + k, size - k, nodes, leaves))


def check(events, manifest, signature=None, trusted=None):
    """`events`: a binary file; `manifest`: bytes; `signature`: text. Raises Wrong; answers how many events there are."""
    try:
        m = json.loads(manifest)
        key, batches, file = m["key"], m["batches"], m["events"]
        if (m["format"], m["version"]) != ("vaultscope-export", 1) or (trusted and key != trusted):
            raise ValueError
        if signature is not None:
            name = key.split("+")[0]
            if opened(signature, key) != f"{name}\nexport manifest.json\nsha256 {sha(manifest).hex()}\n":
                raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Wrong("the manifest is not the one that was signed")
    line, before, whole, root = 0, None, hashlib.sha256(), None
    for b in batches:
        number, first, size, nodes = b["number"], b["first_seq"], b["leaves"], [list(n) for n in b["pruned"]]
        if before is not None and b["before"] != before:
            raise Wrong(f"the record of batch {number} does not follow from the one before")
        gone = {p for at, n, _ in nodes for p in range(at, at + n)}
        present, leaves = [p for p in range(size) if p not in gone], []
        for position in present:
            line, text = line + 1, events.readline()
            whole.update(text)
            try:
                if not text.endswith(b"\n"):
                    raise ValueError("missing or not whole")
                leaves.append(leaf(text[:-1], first + position, number))
            except (ValueError, OverflowError, RecursionError) as why:
                raise Wrong(f"{why}", line, first + position)
        try:
            top = sha() if size == 0 else tree(0, size, nodes, leaves)
            root = sha(b"\2\1", number.to_bytes(8, "big"), bytes.fromhex(b["before"]), first.to_bytes(8, "big"), size.to_bytes(8, "big"), top)
        except (IndexError, ValueError, RecursionError):
            root = b""
        if nodes or leaves or root.hex() != b["root"]:
            raise Wrong(f"the events of batch {number} are not those that were committed", 0, first + present[0] if present else None)
        before = b["root"]
    if events.readline():
        raise Wrong("there are more lines than were exported", line + 1)
    if whole.hexdigest() != file["sha256"] or line != file["count"]:
        raise Wrong("the manifest does not say what is in the file of events")
    if key and m["checkpoint"]:
        try:
            origin, size, hash_, *_ = opened(m["checkpoint"], key).split("\n")
            if origin != key.split("+")[0] or (root and (int(size), base64.b64decode(hash_)) != (number, root)):
                raise ValueError
        except ValueError:
            raise Wrong("the batches do not lead to a signed head")
    elif trusted:
        raise Wrong("nothing in the export is signed")
    return line


def main():
    try:
        folder = sys.argv[1]
        read = lambda name: open(os.path.join(folder, name), "rb")
        manifest = read("manifest.json").read()
        signature = read("manifest.sig").read().decode() if os.path.exists(os.path.join(folder, "manifest.sig")) else None
        names = [name for name in ("events.ndjson", "DEMO-events.ndjson") if os.path.exists(os.path.join(folder, name))]
        trusted = sys.argv[2] if len(sys.argv) > 2 else None
        count = check(read(names[0]), manifest, signature, trusted)
        print(f"sound: {count} events" + ("" if signature else " (the manifest is not signed)"))
        return 0
    except Wrong as wrong:
        at = f"line {wrong.line}" if wrong.line else "manifest"
        print(f"WRONG: {at}{f', event {wrong.seq}' if wrong.seq is not None else ''}: {wrong.why}")
        return 3
    except (OSError, IndexError, UnicodeDecodeError) as why:
        print(f"cannot be read: {why}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
