#!/usr/bin/env python3
"""embed.py OUT.c OUT.S OUT.d --rules DIR --drills DIR --console DIR|none: packs files into the executable.

Every file is gzip-compressed (mtime 0, so that equal inputs give equal bytes) and taken in with
.incbin; OUT.c holds the table that cmd/embedded.h declares."""
import gzip
import os
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
         ".ico": "image/x-icon", ".json": "application/json", ".map": "application/json",
         ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8", ".yaml": "application/yaml"}


def files_below(folder, keep):
    for at, dirs, names in os.walk(folder):
        dirs.sort()
        for name in sorted(names):
            path = os.path.join(at, name)
            rel = os.path.relpath(path, folder)
            if not name.startswith(".") and keep(rel):
                yield path, rel


def main():
    out_c, out_s, out_d = sys.argv[1:4]
    rules, drills, console = sys.argv[5], sys.argv[7], sys.argv[9]
    groups = [("rules", list(files_below(rules, lambda r: r.endswith(".yaml"))), ""),
              ("drills", list(files_below(drills, lambda r: r.endswith(".yaml"))), "")]
    deps = [rules, drills]  # a file more or less changes its folder
    if console != "none":
        deps.append(os.path.join(console, "index.html"))  # built later: then embed again
        groups.append(("console", list(files_below(console, lambda r: not r.endswith(".map"))), "/"))
    else:
        groups.append(("console", [], "/"))
    blob_dir = out_s + ".d"
    os.makedirs(blob_dir, exist_ok=True)
    asm = ['.section .note.GNU-stack,"",@progbits', ".section .rodata"]
    code = ["/* Made by tools/embed.py. */", '#include "embedded.h"', ""]
    tables, n = [], 0
    for group, entries, prefix in groups:
        rows = []
        for path, rel in entries:
            deps.append(path)
            with open(path, "rb") as f:
                data = gzip.compress(f.read(), 9, mtime=0)
            blob = os.path.join(blob_dir, f"{n}.gz")
            with open(blob, "wb") as f:
                f.write(data)
            asm += [f".globl sk_blob_{n}", f"sk_blob_{n}:", f'.incbin "{os.path.abspath(blob)}"']
            code.append(f"extern const unsigned char sk_blob_{n}[];")
            kind = TYPES.get(os.path.splitext(rel)[1], "application/octet-stream")
            rows.append(f'    {{"{prefix}{rel}", "{kind}", sk_blob_{n}, {len(data)}}},')
            n += 1
        tables.append(f"const struct sk_asset sk_embedded_{group}[] = {{\n" + "\n".join(rows) +
                      ("\n" if rows else "") + "    {0},\n};\n" +
                      f"const size_t sk_embedded_{group}_n = {len(rows)};\n")
    with open(out_c, "w", encoding="utf-8") as f:
        f.write("\n".join(code) + "\n\n" + "\n".join(tables))
    with open(out_s, "w", encoding="utf-8") as f:
        f.write("\n".join(asm) + "\n")
    with open(out_d, "w", encoding="utf-8") as f:
        f.write(out_c + ": " + " ".join(d.replace(" ", "\\ ") for d in deps) + "\n")


main()
