"""The stores that store.py compares: our messaging, Redis Streams, RabbitMQ's quorum queues, NATS JetStream."""
import base64
import json
import os
import secrets
import shutil
import urllib.request

import bench_measure
from bench_targets import ADMIN, BenchError, Processes, TENANT, free_port, port_open, write_file


class Store:
    """A fresh server with an empty data directory below `directory`."""

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.processes = Processes(os.path.join(directory, "logs"))

    def stop(self):
        self.processes.stop()

    def load_arguments(self, _mode):
        return ["--target", self.target, "--port", str(self.port)]

    def pid(self):
        return next(iter(self.processes.pids().values()))

    def program(self, name, package):
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/lib/rabbitmq/bin")
        if path is None:
            raise BenchError(f"{name} is not installed: apt-get install {package}")
        return path


class Messaging(Store):
    name = target = "link"

    def __init__(self, directory, binaries, durability="fsync"):
        super().__init__(directory)
        self.binaries = binaries
        self.durability = durability

    def start(self):
        user, password = ADMIN
        write_file(f"{self.directory}/tenants.yaml",
                   f"tenants:\n  {TENANT}:\n    users:\n      {user}: {{ password: {{ plain: {password} }}, "
                   "roles: [ROLE_NOTIFICATION_2_ADMIN] }\n")
        write_file(f"{self.directory}/link.secret", secrets.token_hex(32) + "\n", 0o600)
        config = write_file(f"{self.directory}/messaging.yaml", f"""\
log: {{ level: warn }}
listen: {{ address: 127.0.0.1, port: {self.port} }}
data: {{ directory: {self.directory}/data, durability: {self.durability} }}
link: {{ secret_file: {self.directory}/link.secret }}
auth: {{ provider: file, file: {self.directory}/tenants.yaml }}
limits: {{ backlog_bytes_per_topic: 64GiB, backlog_bytes_per_tenant: 64GiB, topics_per_tenant: 1000000,
           unacknowledged_per_subscription: 60000 }}
""")
        path = os.path.join(self.binaries, "mqtt-messaging")
        if not os.access(path, os.X_OK):
            raise BenchError(f"{path} does not exist: cmake --preset release && ninja -C build/release")
        self.processes.start("mqtt-messaging", [path, "--config", config])
        self.processes.wait_until("/health of messaging", lambda: bench_measure.http_get(
            f"http://127.0.0.1:{self.port}/health", timeout=1)[0] == 200)

    def load_arguments(self, mode):
        return super().load_arguments(mode) + ["--tenant", TENANT, "--secret-file", f"{self.directory}/link.secret"]


class Text(Messaging):
    """The same by the original's WebSocket API."""
    name = target = "text"

    def token(self, subscriber):
        body = json.dumps({"subscriber": subscriber, "subscription": "bench/text", "type": "mqtt"}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/notification2/token", data=body)
        login = base64.b64encode(f"{TENANT}/{ADMIN[0]}:{ADMIN[1]}".encode()).decode()
        request.add_header("Authorization", "Basic " + login)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["token"]

    def load_arguments(self, mode):
        return ["--target", "text", "--port", str(self.port), "--producer-token", self.token("producer"),
                "--consumer-token", self.token("consumer")]


class Redis(Store):
    """Every answer after a sync (`appendfsync always`)."""
    name = target = "redis"

    def start(self):
        os.makedirs(f"{self.directory}/data", exist_ok=True)
        command = [self.program("redis-server", "redis-server"), "--port", str(self.port), "--bind", "127.0.0.1",
                   "--dir", f"{self.directory}/data", "--appendonly", "yes", "--appendfsync", "always", "--save", "",
                   "--auto-aof-rewrite-percentage", "0"]
        self.processes.start("redis-server", command)
        self.processes.wait_until("redis listening", lambda: port_open(self.port))


class Nats(Store):
    """JetStream on files, which this version syncs every two minutes."""
    name = target = "nats"

    def start(self):
        config = write_file(f"{self.directory}/nats.conf",
                            f'listen: "127.0.0.1:{self.port}"\njetstream: {{ store_dir: "{self.directory}/data" }}\n')
        self.processes.start("nats-server", [self.program("nats-server", "nats-server"), "-c", config])
        self.processes.wait_until("nats listening", lambda: port_open(self.port))


class RabbitMq(Store):
    """A quorum queue of one node: confirms come after its log was synced."""
    name = target = "rabbitmq"

    def start(self):
        node = f"bench{self.port}@localhost"
        home = f"{self.directory}/home"
        os.makedirs(home, exist_ok=True)
        write_file(f"{home}/.erlang.cookie", secrets.token_hex(16), 0o400)
        config = write_file(f"{self.directory}/rabbitmq.conf",
                            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nloopback_users.guest = true\n")
        environment = {
            "HOME": home, "RABBITMQ_NODENAME": node, "RABBITMQ_MNESIA_BASE": f"{self.directory}/data",
            "RABBITMQ_LOG_BASE": f"{self.directory}/logs", "RABBITMQ_CONFIG_FILE": config[:-len(".conf")],
            "RABBITMQ_ENABLED_PLUGINS_FILE": write_file(f"{self.directory}/plugins", "[].\n"),
            "RABBITMQ_DIST_PORT": str(free_port()), "ERL_EPMD_PORT": str(free_port()),
            "RABBITMQ_PID_FILE": f"{self.directory}/pid"}
        server = "/usr/lib/rabbitmq/bin/rabbitmq-server"
        if not os.access(server, os.X_OK):
            raise BenchError("rabbitmq-server is not installed: apt-get install rabbitmq-server")
        self.processes.start("rabbitmq", [server], environment)
        self.processes.wait_until("rabbitmq listening", lambda: port_open(self.port), 90)


def make(name, directory, binaries, durability):
    if name in ("link", "text"):
        return (Messaging if name == "link" else Text)(directory, binaries, durability)
    return {"redis": Redis, "nats": Nats, "rabbitmq": RabbitMq}[name](directory)
