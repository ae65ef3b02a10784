"""mqtt-load beside other programs: which cores it and they get, one or several of them at a time, and their JSON lines."""
import json
import os
import resource
import select
import shutil
import signal
import subprocess

from bench_targets import BenchError


class Pins:
    """The broker on a core of its own, everything else on the others, so that the broker's figure is the broker's. A bad
    neighbour is nice: in real life it takes its CPU time somewhere else."""

    def __init__(self, wanted=True):
        cores = sorted(os.sched_getaffinity(0))
        self.active = wanted and len(cores) > 1 and shutil.which("taskset") is not None
        self.broker = str(cores[0])
        self.others = ",".join(str(core) for core in cores[1:])

    def command(self, program):
        if not self.active:
            return []
        return ["taskset", "-c", self.broker if program in ("mqtt-broker", "mosquitto") else self.others]

    def generator(self, nice=0):
        return self.command("mqtt-load") + (["nice", "-n", str(nice)] if nice else [])

    def text(self):
        return f"broker on core {self.broker}, everything else on {self.others}" if self.active else "nothing pinned"


class Generator:
    """One mqtt-load in the background. As a context manager it is gone at the end, whatever happened."""

    def __init__(self, load, arguments, prefix=()):
        self.command = [*prefix, load, *arguments]
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def line(self, seconds):
        """The next line as JSON; for modes that say when they are ready."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            if self.process.poll() is None:
                self.process.kill()
            reason = self.process.stderr.read().strip() or f"nothing within {seconds:.0f} s"
            raise BenchError(f"mqtt-load: {reason} ({' '.join(self.command)})")
        return json.loads(line)

    def let_go(self):
        """Ends the modes that go on until their standard input ends."""
        self.process.stdin.close()
        self.process.stdin = None

    def stop(self):
        """Ends publishing; what is open is waited for and reported as usual."""
        self.process.send_signal(signal.SIGTERM)

    def finish(self, seconds):
        """Waits for its end; the last line as JSON, with exit_code."""
        try:
            output, errors = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise BenchError(f"mqtt-load was not done after {seconds:.0f} s: {' '.join(self.command)}") from None
        if self.process.returncode not in (0, 1) or not output.strip():
            raise BenchError(f"mqtt-load ended with code {self.process.returncode}: {errors.strip()}")
        return json.loads(output.strip().splitlines()[-1]) | {"exit_code": self.process.returncode}


class Crowd:
    """So many clients as no single process may have: as many mqtt-load as the limit of open files asks for, with `option`
    and their part of `count` each."""

    def __init__(self, load, arguments, option, count, pins=None):
        most = max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100)
        parts = -(-count // most)
        self.members = []
        try:
            for part in range(parts):
                size = count // parts + (1 if part < count % parts else 0)
                own = [*arguments, option, str(size), "--client-prefix", f"crowd{part}", "--topic-prefix", f"crowd{part}"]
                self.members.append(Generator(load, own, pins.generator() if pins else ()))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.members:
            member.__exit__()

    def lines(self, seconds):
        return [member.line(seconds) for member in self.members]

    def finish(self, seconds):
        for member in self.members:
            member.let_go()
        return [member.finish(seconds) for member in self.members]
