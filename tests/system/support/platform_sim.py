"""The platform stand-in as a program of a test: start it, call its REST API, upload trusted certificates, register devices
over the platform's own way, add and remove users, tell it to be slow or down. (Not named `platform`: that is Python's.)"""

import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from stack import ADMIN, DEVICE, TENANT, Program, StackError, free_port

BOOTSTRAP = ("management/devicebootstrap", "bootstrap-secret")
START_SECONDS = 20


class Refused(StackError):
    """The platform said no: `status`, `error` (`inventory/Not Found`) and its sentence."""

    def __init__(self, method: str, path: str, status: int, body: bytes):
        try:
            told = json.loads(body)
        except ValueError:
            told = {}
        self.status, self.error, self.message = status, told.get("error", ""), told.get("message", "")
        super().__init__("%s %s: %d %s" % (method, path, status, body[:300].decode(errors="replace")))


class PlatformSim(Program):
    """platform-sim on a port of its own. `users` are `tenant/user:password`; the demo's two are always there. Ending the
    process is how connections are refused; what it held is gone then, but for the users named here."""

    def __init__(self, bin_directory: str, log_path: str, port: int = 0, users=(), arguments=()):
        path = os.path.join(bin_directory, "platform-sim")
        if not os.path.exists(path):
            raise StackError("%s is not built" % path)
        super().__init__("platform-sim", path, "", port or free_port(), log_path)
        self.users = ["%s/%s:%s" % (TENANT, *ADMIN), "%s/%s:%s" % (TENANT, *DEVICE), *users]
        self.arguments = list(arguments)

    @property
    def port(self) -> int:
        return self.health_port

    @property
    def url(self) -> str:
        return "http://127.0.0.1:%d" % self.port

    def spawn(self):
        command = [self.path, "--port=%d" % self.port, *("--user=" + user for user in self.users), *self.arguments]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.expected_down = False

    def wait_healthy(self, seconds: float = START_SECONDS):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            try:
                self.call("GET", "/sim/health", login=None)
                return
            except OSError:
                time.sleep(0.02)
        raise StackError("platform-sim does not answer after %d s:\n%s" % (seconds, self.log_tail()))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.end()

    # --- REST

    def request(self, method: str, path: str, body=None, login=None, headers=None, timeout: float = 10):
        """(status, headers, bytes) whatever the status. `body`: bytes as they are, anything else as JSON; `login`:
        (`tenant/user`, password) or None."""
        sent = urllib.request.Request(self.url + path, method=method)
        sent.add_header("Accept", "application/json")
        if login is not None:
            sent.add_header("Authorization", "Basic " + base64.b64encode(("%s:%s" % login).encode()).decode())
        if body is not None:
            if not isinstance(body, bytes):
                body = json.dumps(body).encode()
                sent.add_header("Content-Type", "application/json")
            sent.data = body
        for name, value in (headers or {}).items():
            sent.add_header(name, value)
        try:
            with urllib.request.urlopen(sent, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as no:
            with no:
                return no.code, no.headers, no.read()

    def call(self, method: str, path: str, body=None, login=(TENANT + "/" + ADMIN[0], ADMIN[1]), headers=None):
        """The answer's JSON, its bytes when it is none, or None without a body. Raises Refused from 400 on."""
        status, told, content = self.request(method, path, body, login, headers)
        if status >= 400:
            raise Refused(method, path, status, content)
        if not content:
            return None
        return json.loads(content) if "json" in told.get("Content-Type", "") else content

    # --- trusted certificates

    def trust(self, pem: str, name: str = "", tenant: str = TENANT, login=None, auto_registration: bool = True,
              status: str = "ENABLED") -> str:
        """Uploads a CA certificate; its fingerprint."""
        made = self.call("POST", "/tenant/tenants/%s/trusted-certificates" % tenant,
                         {"name": name, "status": status, "autoRegistrationEnabled": auto_registration,
                          "certInPemFormat": pem}, login or admin_of(tenant))
        return made["fingerprint"]

    def change_trusted(self, fingerprint: str, change: dict, tenant: str = TENANT, login=None) -> dict:
        return self.call("PUT", "/tenant/tenants/%s/trusted-certificates/%s" % (tenant, fingerprint), change,
                         login or admin_of(tenant))

    def distrust(self, fingerprint: str, tenant: str = TENANT, login=None):
        self.call("DELETE", "/tenant/tenants/%s/trusted-certificates/%s" % (tenant, fingerprint), None,
                  login or admin_of(tenant))

    def trusted(self, tenant: str = TENANT, login=None) -> list:
        return self.call("GET", "/tenant/tenants/%s/trusted-certificates?pageSize=2000" % tenant, None,
                         login or admin_of(tenant))["certificates"]

    def verify_chain(self, *pems: str, tenant: str = "", login=None) -> str:
        """The tenant that trusts the chain, leaf first; raises Refused when none does."""
        headers = {"X-Cumulocity-Client-Cert-Chain": ",".join(pem.strip().replace("\n", " ") for pem in pems)}
        if tenant:
            headers["X-Cumulocity-TenantId"] = tenant
        return self.call("POST", "/tenant/trusted-certificates/verify-cert-chain", None, login or admin_of(TENANT),
                         headers)["tenantId"]

    def revoke(self, *serials_in_hex: str, tenant: str = TENANT, login=None):
        """Onto the offline list; it counts once `set_option("configuration", "crl.offline.check.enabled", "true")`."""
        self.call("PUT", "/tenant/trusted-certificates/settings/crl",
                  {"crls": [{"serialNumberInHex": serial} for serial in serials_in_hex]}, login or admin_of(tenant))

    def revocation_list(self, tenant: str = TENANT, login=None) -> bytes:
        """DER of an X.509 CRL."""
        return self.call("GET", "/tenant/trusted-certificates/settings/crl", None, login or admin_of(tenant))

    # --- options and toggles

    def set_option(self, category: str, key: str, value: str, tenant: str = TENANT):
        self.call("POST", "/tenant/options", {"category": category, "key": key, "value": value}, admin_of(tenant))

    def set_feature(self, key: str, active: bool, tenant: str = TENANT):
        self.call("PUT", "/features/%s/by-tenant" % key, {"active": active}, admin_of(tenant))

    # --- devices

    def register(self, device: str, tenant: str = TENANT) -> dict:
        return self.call("POST", "/devicecontrol/newDeviceRequests", {"id": device}, admin_of(tenant))

    def registration(self, device: str, tenant: str = TENANT) -> dict:
        return self.call("GET", "/devicecontrol/newDeviceRequests/" + urllib.parse.quote(device, safe=""), None,
                         admin_of(tenant))

    def accept(self, device: str, tenant: str = TENANT, token: str = "") -> dict:
        change = {"status": "ACCEPTED", **({"securityToken": token} if token else {})}
        return self.call("PUT", "/devicecontrol/newDeviceRequests/" + urllib.parse.quote(device, safe=""), change,
                         admin_of(tenant))

    def ask_credentials(self, device: str, token: str = "", login=BOOTSTRAP):
        """As the device does it: None while it is 404, then {"tenantId", "username", "password", …}, once."""
        body = {"id": device, **({"securityToken": token} if token else {})}
        try:
            return self.call("POST", "/devicecontrol/deviceCredentials", body, login)
        except Refused as no:
            if no.status == 404:
                return None
            raise

    def device_login(self, device: str, tenant: str = TENANT):
        """The whole way at once; (`tenant/device_<id>`, password), as MQTT's user name and password."""
        self.register(device, tenant)
        if self.ask_credentials(device) is not None:
            raise StackError("credentials for %s before it was accepted" % device)
        self.accept(device, tenant)
        given = self.ask_credentials(device)
        if given is None:
            raise StackError("no credentials for %s though it was accepted" % device)
        return "%s/%s" % (given["tenantId"], given["username"]), given["password"]

    def current_user(self, login) -> dict:
        return self.call("GET", "/user/currentUser", None, login)

    # --- what only a stand-in has

    def put_user(self, tenant: str, user: str, password: str, roles=None):
        """Adds the user, and with it the tenant, or changes its password."""
        body = {"tenant": tenant, "user": user, "password": password, **({} if roles is None else {"roles": roles})}
        self.call("POST", "/sim/users", body, None)

    def remove_user(self, tenant: str, user: str):
        self.call("DELETE", "/sim/users/%s/%s" % (urllib.parse.quote(tenant, safe=""), urllib.parse.quote(user, safe="")),
                  None, None)

    def faults(self, **wanted):
        """delayMs, failShare, hangShare, throttle, down, path; the others stay as they are."""
        return self.call("POST", "/sim/faults", wanted, None)

    def stats(self) -> dict:
        return self.call("GET", "/sim/stats", None, None)

    def logins(self, user: str) -> dict:
        """How often `GET /user/currentUser` was answered to that name as given (`tenant/user`): {"200": 3, "401": 1}."""
        return self.stats()["logins"].get(user, {})


def admin_of(tenant: str):
    """The login of `admin` there; every test gives it the demo's password."""
    return "%s/%s" % (tenant, ADMIN[0]), ADMIN[1]


class Authority:
    """A certificate authority made with OpenSSL's program in `directory`, P-256. `signer`: an intermediate one."""

    def __init__(self, directory: str, name: str, signer: "Authority" = None, days: int = 30):
        self.directory, self.name = directory, name
        self.key, self.certificate = self._path(name + ".key"), self._path(name + ".pem")
        self._make(name, self.key, self.certificate, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n",
                   signer, days)

    def device(self, name: str, days: int = 30):
        """(certificate file, key file) of a device with that common name."""
        key, certificate = self._path(name + ".key"), self._path(name + ".pem")
        self._make(name, key, certificate, "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n", self, days)
        return certificate, key

    @property
    def pem(self) -> str:
        return read(self.certificate)

    def _make(self, name: str, key: str, certificate: str, extensions: str, signer, days: int):
        request, config = self._path(name + ".csr"), self._path(name + ".ext")
        with open(config, "w", encoding="utf-8") as out:
            out.write(extensions)
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request,
                "-subj", "/CN=" + name)
        by = ["-CA", signer.certificate, "-CAkey", signer.key] if signer is not None else ["-signkey", key]
        openssl("x509", "-req", "-in", request, *by, "-set_serial", "0x40" + os.urandom(14).hex(),
                "-days", str(days), "-sha256", "-extfile", config, "-out", certificate)

    def _path(self, name: str) -> str:
        return os.path.join(self.directory, name)


def serial_of(certificate: str) -> str:
    """In hexadecimal digits, as `revoke` wants it."""
    return openssl("x509", "-in", certificate, "-noout", "-serial").strip().split("=", 1)[1]


def read(path: str) -> str:
    with open(path, encoding="utf-8") as text:
        return text.read()


def openssl(*arguments: str, stdin: bytes = b"") -> str:
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise StackError("openssl %s: %s" % (" ".join(arguments), done.stderr.decode(errors="replace")))
    return done.stdout.decode()
