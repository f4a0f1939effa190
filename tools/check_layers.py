#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a file under userspace/ includes what tools/layers.txt does not allow."""
import fnmatch, pathlib, re, sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
allow, bans = [], []
for line in (root / "tools/layers.txt").read_text().splitlines():
    line = line.split("#")[0].strip()
    if line.startswith("ban "):
        _, where, rest = line.split(None, 2)
        pattern, _, exception = rest.partition(" except ")
        bans.append((where, re.compile(pattern.strip()), exception.strip() or None))
    elif line:
        module, _, deps = line.partition("<-")
        allow.append((module.strip(), deps.split()))
modules = sorted({str(p.parent.relative_to(root / "userspace")) for p in (root / "userspace").rglob("*.[ch]*")
                  if p.suffix in (".h", ".cc")}, key=len, reverse=True)


def top(path):
    """The module a directory belongs to: base, core/x, os/x or app/x."""
    parts = path.split("/")
    return parts[0] if parts[0] == "base" else "/".join(parts[:2])


def allowed(module, dep):
    if module == dep:
        return True
    return any(fnmatch.fnmatch(module, m) and any(fnmatch.fnmatch(dep, d) for d in deps) for m, deps in allow)


errors, files = [], 0
for path in sorted((root / "userspace").rglob("*")):
    if path.suffix not in (".h", ".cc"):
        continue
    files += 1
    rel = str(path.relative_to(root / "userspace"))
    module = top(str(pathlib.Path(rel).parent))
    for n, text in enumerate(path.read_text().splitlines(), 1):
        m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', text)
        if not m:
            continue
        quote, name = m.groups()
        for where, pattern, exception in bans:
            if rel.startswith(where) and pattern.search(name) and not (exception and rel.startswith(exception)):
                errors.append(f"userspace/{rel}:{n}: <{name}> is banned under {where}")
        if quote == '"' and "/" in name and (root / "userspace" / name).exists():
            dep = top(str(pathlib.Path(name).parent))
            if not allowed(module, dep):
                errors.append(f"userspace/{rel}:{n}: {module} must not include {dep} ({name})")
print("\n".join(errors))
print(f"{files} files, {len(errors)} layer violations")
sys.exit(1 if errors or not files else 0)
