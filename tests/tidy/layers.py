#!/usr/bin/python3
"""Include rules of the tree. A file may include its own folder, the folders above it in its process's list and common/;
never one below it, never another process. Heavy headers stay in the few files made for them.

    tests/tidy/layers.py [ROOT]      prints file:line: complaint; exit code 1 when there is one
"""
import pathlib
import re
import sys

import source_tree

# Bottom up, as in the CMake files. A program's own files (config, service, main) come after its last folder.
FOLDERS = {
    "common": ["core", "async", "net", "record", "link", "notification2", "platform", "auth", "ops"],
    "broker": ["mqtt", "session", "login", "relay", "tenant", "edge", "admin"],
    "messaging": ["store", "topic", "tools", "endpoint", "admin", "ctl"],
    "mapper": ["expression", "payload", "mapping", "transform", "api", "uplink", "downlink"],
}
# Header pattern -> files that may include it, why.
KEPT_IN = [
    (r"boost/(beast|asio/ssl)|openssl/ssl\.h",
     r"common/net/([^/]+\.cpp|(transport|websocket)_stream\.hpp)|tests/(unit|integration)/.*\.cpp|tests/bench/.*",
     "Beast and TLS headers belong in common/net/*.cpp: each file that sees them costs 10 to 30 s to compile"),
    (r"common/net/(transport|websocket)_stream\.hpp", r"common/net/[^/]+\.cpp", "it shows Beast; for common/net/*.cpp only"),
    (r"spdlog/", r"common/core/log\.cpp", "only common/core/log.cpp sees spdlog"),
    (r"yaml-cpp/", r"common/core/config_node\.cpp|mapper/.*", "YAML is read through core::config_node"),
    (r"boost/json", r"tests/platform/.*|tests/(unit|integration)/platform/.*", "Boost.JSON is the stand-in's alone"),
    (r"boost/asio/experimental/(awaitable_operators|channel|parallel_group)", r"", "not with Boost 1.81: use-after-free and lost messages"),
]
# Folders that know no I/O.
PURE = ("common/record", "broker/mqtt", "broker/session", "mapper/expression", "mapper/payload", "mapper/mapping", "mapper/transform")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def folder_of(path):
    """(process, folder or "" for the process's own files); (None, None) outside the four."""
    parts = path.split("/")
    if parts[0] not in FOLDERS:
        return None, None
    return parts[0], parts[1] if len(parts) > 2 else ""


def rank(process, folder):
    order = FOLDERS[process]
    if folder == "":
        return len(order)
    return order.index(folder) if folder in order else None


def layer_complaint(path, included):
    process, folder = folder_of(path)
    to_process, to_folder = folder_of(included)
    if process is None:  # tests may include anything
        if path.startswith("tests/platform/") and to_process not in (None, "common"):
            return "the stand-in shares only common/ with the programs"
        return None
    if included.startswith("tests/"):
        return "a program does not include tests"
    if to_process is None:
        return None
    if rank(process, folder) is None:
        return f"the folder {process}/{folder} is not in the list of tests/tidy/layers.py"
    if to_process != process:
        return None if to_process == "common" else f"{process} does not include {to_process}"
    if to_folder and rank(process, to_folder) is None:
        return f"the folder {process}/{to_folder} is not in the list of tests/tidy/layers.py"
    if rank(process, to_folder) > rank(process, folder):
        return f"{process}/{folder} lies below {process}/{to_folder or '(its own files)'}"
    return None


def complaints_of(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, header = match.groups()
        complaint = layer_complaint(path, header)
        if complaint:
            yield number, f"includes {header}: {complaint}"
        for pattern, allowed, why in KEPT_IN:
            if re.match(pattern, header) and not re.fullmatch(allowed, path):
                yield number, f"includes {header}: {why}"
        if path.startswith(tuple(folder + "/" for folder in PURE)) and re.match(r"boost/asio|common/(async|net)/", header):
            yield number, f"includes {header}: this folder knows no I/O"
        if quote == '"' and "/" not in header and not path.startswith("tests/"):
            yield number, f'includes "{header}": name the path from the root'


def main():
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else source_tree.ROOT
    files = source_tree.sources(root)
    count = 0
    for path in files:
        for number, complaint in complaints_of(path, (root / path).read_text(encoding="utf-8")):
            print(f"{path}:{number}: {complaint}")
            count += 1
    print(f"layer rules: {len(files)} files, {count} complaints")
    return 1 if count or not files else 0


if __name__ == "__main__":
    sys.exit(main())
