"""Reading what the machine and the measured programs say about themselves: disk, CPU, memory, metrics."""
import base64
import json
import os
import re
import statistics
import time
import urllib.error
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")


def fdatasync_probe(directory, seconds=1.0):
    """Milliseconds of one 4 KiB append + fdatasync, on the file system that the store will use."""
    path = os.path.join(directory, "fdatasync.probe")
    block = os.urandom(4096)
    times = []
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(times) < 20:
            start = time.monotonic()
            os.write(descriptor, block)
            os.fdatasync(descriptor)
            times.append((time.monotonic() - start) * 1000)
    finally:
        os.close(descriptor)
        os.unlink(path)
    times.sort()
    return {"count": len(times), "p50_ms": statistics.median(times), "p99_ms": times[int(len(times) * 0.99)],
            "max_ms": times[-1], "file_system": file_system_of(directory)}


def file_system_of(directory):
    """Type of the file system that holds the directory, by the longest mount point above it."""
    best = ("", "unknown")
    real = os.path.realpath(directory)
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            point, kind = line.split()[1:3]
            inside = real == point or real.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best[0]):
                best = (point, kind)
    return best[1]


def cpu_seconds(pid):
    """User and system time of all threads so far; None when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS


def machine_busy_seconds():
    """CPU seconds that all cores together were not idle since boot, with what the hypervisor took away."""
    with open("/proc/stat", encoding="utf-8") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / TICKS


def rss_kib(pid):
    """Resident memory in KiB; None when the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as status:
            match = re.search(r"VmRSS:\s+(\d+)", status.read())
    except OSError:
        return None
    return int(match.group(1)) if match else None


def http_get(url, user=None, password=None, timeout=5.0):
    """(status, body); status 0 when nobody answered."""
    request = urllib.request.Request(url)
    if user is not None:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.add_header("Authorization", "Basic " + token)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode(errors="replace")
    except (OSError, urllib.error.URLError):
        return 0, ""


def sync_count(metrics_url):
    """Syncs so far as (metric name, count) from a Prometheus text; None when there is no such counter."""
    status, body = http_get(metrics_url)
    found = {}
    if status == 200:
        for line in body.splitlines():
            match = re.match(r"(\w*sync\w*_(?:total|count))(?:\{[^}]*\})?\s+([0-9.e+]+)", line)
            if match and not re.search(r"fail|error", match.group(1)):
                found[match.group(1)] = found.get(match.group(1), 0.0) + float(match.group(2))
    if not found:
        return None
    name = sorted(found, key=lambda each: ("fdatasync" not in each, len(each)))[0]
    return name, found[name]


def measurement_total(platform_url, user, password):
    """How many measurements the stand-in was given (it keeps the newest only); None when it does not say."""
    query = "/sim/stats"
    status, body = http_get(platform_url + query, user, password, timeout=20)
    if status != 200:
        return None
    try:
        return sum(int(tenant["measurements"]) for tenant in json.loads(body)["tenants"].values())
    except (KeyError, TypeError, ValueError):
        return None
