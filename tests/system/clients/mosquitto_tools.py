"""Debian's mosquitto_pub, mosquitto_sub and mosquitto_rr with the options of one way to connect."""

import subprocess

from client_program import Lines

TOOL_SECONDS = 20
_OPTIONS = {"host": "-h", "port": "-p", "user": "-u", "password": "-P", "ca": "--cafile", "certificate": "--cert", "key": "--key"}
_VERSIONS = {"3.1": "mqttv31", "3.1.1": "mqttv311", "5": "mqttv5"}
# One line per message: what the tool shows of it, each value in brackets.
FORMAT = "MSG [%t] [%q] [%r] [%l] [%x] [%C] [%F] [%R] [%D] [%P]"
_FIELDS = ("topic", "qos", "retain", "length", "hex", "content_type", "format", "response_topic", "correlation", "user")


def parse(line: str) -> dict:
    """A line of FORMAT: field to text; `payload` as bytes."""
    values = line[len("MSG ["):-1].split("] [")
    if not line.startswith("MSG [") or len(values) != len(_FIELDS):
        raise AssertionError("no message: " + line[:200])
    found = dict(zip(_FIELDS, values))
    found["payload"] = bytes.fromhex(found["hex"])
    found["user"] = found["user"].rstrip()  # each pair is followed by a space
    return found


class Subscriber:
    """A mosquitto_sub or mosquitto_rr that has its SUBACK. It reconnects by itself, except after a 5.0 DISCONNECT."""

    def __init__(self, command):
        self.lines = Lines(["stdbuf", "-oL", *command, "-d", "-F", FORMAT])
        self.await_subscribed()

    def await_subscribed(self):
        self.await_line("received SUBACK")

    def await_line(self, part: str) -> str:
        return self.lines.until(lambda line: part in line)

    def message(self, payload: bytes) -> dict:
        """The next message; it must have that payload."""
        got = parse(self.lines.until(lambda line: line.startswith("MSG ")))
        if got["payload"] != payload:
            raise AssertionError("%d bytes %r instead of %r" % (len(got["payload"]), got["payload"][:40], payload[:40]))
        return got

    def kill(self):
        self.lines.kill()


class Mosquitto:
    """The tools with login, address and version of `settings` (KEY=VALUE, as other clients get them)."""

    def __init__(self, name: str, version: str, settings):
        self.name, self.version, self.five = name, version, version == "5"
        self.settings = dict(pair.split("=", 1) for pair in settings)
        self.secure = "ca" in self.settings
        self._open = []

    def topic(self, name: str) -> str:
        return self.name + "/" + name

    def options(self, suffix: str, **other) -> list:
        given = {**self.settings, **other}
        flags = [part for key, value in given.items() if value is not None for part in (_OPTIONS[key], value)]
        return [*flags, "-V", _VERSIONS[self.version], "-i", self.name + suffix]

    def subscriber(self, topic: str, *more, suffix: str = "sub", qos: int = 1) -> Subscriber:
        return self._listening("mosquitto_sub", suffix, "-t", topic, "-q", str(qos), *more)

    def requester(self, topic: str, answers: str, *more) -> Subscriber:
        return self._listening("mosquitto_rr", "requester", "-t", topic, "-e", answers, "-q", "1", *more)

    def _listening(self, tool: str, suffix: str, *arguments) -> Subscriber:
        made = Subscriber([tool, *self.options(suffix), *arguments])
        self._open.append(made)
        return made

    def run(self, tool: str, *arguments, suffix: str = "pub", given=None, seconds: float = TOOL_SECONDS, **other):
        """Runs a tool to its end: (exit code, all it said). Exit code None: it was still busy after the time and was killed."""
        command = [tool, *self.options(suffix, **other), *arguments]
        try:
            done = subprocess.run(command, input=given, stdin=None if given is not None else subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired as late:
            return None, (late.stdout or b"").decode(errors="replace")
        return done.returncode, done.stdout

    def publish(self, topic: str, *arguments, qos: int = 1, **more):
        """Publishes; anything but success is an error. What the tool said (with -d)."""
        code, said = self.run("mosquitto_pub", "-t", topic, "-q", str(qos), "-d", *arguments, **more)
        if code != 0:
            raise AssertionError("mosquitto_pub ended with %s: %s" % (code, said[-300:]))
        return said

    def close_all(self):
        for one in self._open:
            one.kill()
        self._open = []
