"""What is measured: our programs, a mosquitto, or the generator's own sink. Starting, readiness, stopping by process id."""
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time

import bench_measure

TENANT = "t0815"
OTHER_TENANT = "t0816"
DEVICE = ("device1", "device1-secret")
ADMIN = ("admin", "admin-secret")
STOP_SECONDS = 10


class BenchError(Exception):
    """Something that a person must see and can act on; the text says what."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_file(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)
    return path


class Processes:
    """Everything that was started here; `stop` ends it whatever happened, last started first."""

    def __init__(self, log_directory):
        self.log_directory = log_directory
        self.running = {}
        os.makedirs(log_directory, exist_ok=True)

    def start(self, name, command, environment=None):
        log_path = os.path.join(self.log_directory, name + ".log")
        with open(log_path, "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                       start_new_session=True, env={**os.environ, **(environment or {})})
        self.running[name] = process
        return process

    def log_tail(self, name, lines=8):
        try:
            with open(os.path.join(self.log_directory, name + ".log"), encoding="utf-8", errors="replace") as log:
                return "".join(log.readlines()[-lines:]).rstrip()
        except OSError:
            return ""

    def check(self):
        for name, process in self.running.items():
            if process.poll() is not None:
                raise BenchError(f"{name} ended with code {process.returncode}; its last lines:\n{self.log_tail(name)}")

    def wait_until(self, what, ready, seconds=30):
        end = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > end:
                tails = "\n".join(f"--- {name}\n{self.log_tail(name)}" for name in self.running)
                raise BenchError(f"{what} within {seconds} s did not happen; last lines:\n{tails}")
            time.sleep(0.05)

    def stop(self):
        for process in reversed(list(self.running.values())):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        for process in self.running.values():
            try:
                process.wait(timeout=max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=5)
        self.running.clear()

    def pids(self):
        return {name: process.pid for name, process in self.running.items()}


def port_open(port):
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Service:
    """Our three programs, and the platform stand-in where the mapper is wanted."""
    name = "service"

    def __init__(self, binaries, directory, with_mapper=False, with_tls=False, durability="fsync", pins=None,
                 broker_environment=None, broker_limits="", other_tenant=None):
        """`pins`: the command before each program's own, as bench_generator.Pins makes it. `other_tenant`: what stands in
        tenants.yaml for a second tenant beside its user."""
        self.binaries = binaries
        self.pins = pins
        self.broker_environment = broker_environment
        self.broker_limits = broker_limits
        self.other_tenant = other_tenant
        self.directory = directory
        self.with_mapper = with_mapper
        self.with_tls = with_tls
        self.durability = durability
        names = ("mqtt", "tls", "broker_ops", "messaging", "mapper_ops", "platform")
        self.port = {name: free_port() for name in names}
        self.processes = Processes(os.path.join(directory, "logs"))
        self.credentials = ["--user", f"{TENANT}/{DEVICE[0]}", "--password", DEVICE[1]]

    def other_credentials(self):
        return ["--user", f"{OTHER_TENANT}/{DEVICE[0]}", "--password", DEVICE[1]]

    @staticmethod
    def wanted(with_mapper):
        programs = ["mqtt-messaging", "mqtt-broker"]
        return programs + ["platform-sim", "mqtt-mapper"] if with_mapper else programs

    def url(self, name):
        return f"http://127.0.0.1:{self.port[name]}"

    def write_common(self):
        # Plain passwords: hashing is not what is measured, and only demonstrations and benches may do this.
        users = "".join(f"      {user}: {{ password: {{ plain: {password} }}, roles: [{roles}] }}\n" for (user, password), roles
                        in ((DEVICE, ""), (ADMIN, "ROLE_NOTIFICATION_2_ADMIN")))
        other = "" if self.other_tenant is None else (
            f"  {OTHER_TENANT}:\n{self.other_tenant}    users: {{ {DEVICE[0]}: {{ password: {{ plain: {DEVICE[1]} }} }} }}\n")
        write_file(f"{self.directory}/tenants.yaml", f"tenants:\n  {TENANT}:\n    users:\n{users}{other}")
        write_file(f"{self.directory}/link.secret", secrets.token_hex(32) + "\n", 0o600)

    def messaging_config(self):
        return write_file(f"{self.directory}/messaging.yaml", f"""\
log: {{ level: warn }}
listen: {{ address: 127.0.0.1, port: {self.port['messaging']} }}
data: {{ directory: {self.directory}/data, durability: {self.durability} }}
link: {{ secret_file: {self.directory}/link.secret }}
auth: {{ provider: file, file: {self.directory}/tenants.yaml }}
""")

    def broker_config(self):
        tls = "{ enabled: false }"
        if self.with_tls:
            make_certificate(self.directory)
            tls = (f"{{ enabled: true, address: 127.0.0.1, port: {self.port['tls']}, "
                   f"certificate: {self.directory}/server.pem, key: {self.directory}/server.key }}")
        return write_file(f"{self.directory}/broker.yaml", f"""\
log: {{ level: warn }}
listen:
  plain: {{ enabled: true, address: 127.0.0.1, port: {self.port['mqtt']} }}
  tls: {tls}
ops: {{ address: 127.0.0.1, port: {self.port['broker_ops']} }}
messaging: {{ url: "ws://127.0.0.1:{self.port['messaging']}", secret_file: {self.directory}/link.secret }}
auth: {{ provider: file, file: {self.directory}/tenants.yaml }}
{self.broker_limits}""")

    def mapper_config(self):
        write_file(f"{self.directory}/mappings/{TENANT}/bench.yaml", """\
mapping: bench
from: { topic: "mapperbench/{sensor}", format: json }
device:
  externalId: "bench-${sensor}"
  type: c8y_Serial
  create: { name: "Bench ${sensor}", type: bench_device }
to:
  - measurement:
      type: bench
      bench:
        temperature: { value: "=payload.temperature", unit: C }
""")
        return write_file(f"{self.directory}/mapper.yaml", f"""\
log: {{ level: warn }}
ops: {{ address: 127.0.0.1, port: {self.port['mapper_ops']} }}
messaging: {{ url: "ws://127.0.0.1:{self.port['messaging']}", secret_file: {self.directory}/link.secret }}
platform:
  url: {self.url('platform')}
  tenants: [ {{ tenant: {TENANT}, user: {ADMIN[0]}, password: {ADMIN[1]} }} ]
mappings: {{ directory: {self.directory}/mappings }}
""")

    def start_program(self, name, arguments):
        path = os.path.join(self.binaries, name)
        if not os.access(path, os.X_OK):
            raise BenchError(f"{path} does not exist: build it with\n  cmake --preset release && ninja -C build/release {name}")
        prefix = self.pins.command(name) if self.pins else []
        environment = self.broker_environment if name == "mqtt-broker" else None
        return self.processes.start(name, [*prefix, path, *arguments], environment)

    def wait_healthy(self, name, port):
        healthy = lambda: bench_measure.http_get(f"http://127.0.0.1:{port}/health", timeout=1)[0] == 200
        self.processes.wait_until(f"/health of {name} answering 200", healthy)

    def start(self):
        self.write_common()
        self.start_program("mqtt-messaging", ["--config", self.messaging_config()])
        self.wait_healthy("mqtt-messaging", self.port["messaging"])
        self.start_program("mqtt-broker", ["--config", self.broker_config()])
        if self.with_mapper:
            self.start_program("platform-sim", ["--port", str(self.port["platform"])])
            self.processes.wait_until("platform-sim listening", lambda: port_open(self.port["platform"]))
            self.start_program("mqtt-mapper", ["--config", self.mapper_config()])
            self.wait_healthy("mqtt-mapper", self.port["mapper_ops"])
        self.wait_healthy("mqtt-broker", self.port["broker_ops"])

    def syncs(self):
        return bench_measure.sync_count(self.url("messaging") + "/metrics")

    def stop(self):
        self.processes.stop()


class Mosquitto:
    """Debian's mosquitto with persistence on. Its database is a snapshot every second, not a log: PUBACK does not mean
    on disk, and there is no setting that would make it so."""
    name = "mosquitto"
    credentials = []

    def __init__(self, directory, pins=None):
        self.directory = directory
        self.pins = pins
        self.port = {"mqtt": free_port()}
        self.processes = Processes(os.path.join(directory, "logs"))

    def start(self):
        path = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        if not os.access(path, os.X_OK):
            raise BenchError("mosquitto is not installed: apt-get install mosquitto")
        os.makedirs(f"{self.directory}/data", exist_ok=True)
        user = "user root\n" if os.geteuid() == 0 else ""
        config = write_file(f"{self.directory}/mosquitto.conf", f"""\
{user}listener {self.port['mqtt']} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {self.directory}/data/
autosave_interval 1
max_inflight_messages 0
max_queued_messages 0
set_tcp_nodelay true
log_dest none
""")
        prefix = self.pins.command("mosquitto") if self.pins else []
        self.processes.start("mosquitto", [*prefix, path, "-c", config])
        self.processes.wait_until("mosquitto listening", lambda: port_open(self.port["mqtt"]), 10)

    def syncs(self):
        return None

    def stop(self):
        self.processes.stop()


def make_certificate(directory):
    """A P-256 certificate of its own making; the generator does not check it."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
               "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
               "-keyout", f"{directory}/server.key", "-out", f"{directory}/server.pem"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise BenchError("openssl could not make a certificate:\n" + done.stderr)
