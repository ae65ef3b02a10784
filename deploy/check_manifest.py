#!/usr/bin/python3
"""Makes and checks microservice manifests (cumulocity.json).

    deploy/check_manifest.py FILE…                    every rule for the manifest; one complaint a line; exit code 1
    deploy/check_manifest.py --zip FILE.zip           the package: exactly image.tar and a good cumulocity.json
    deploy/check_manifest.py --make broker [--version 0.1.0-SNAPSHOT]   from the template in the root, to standard output
"""
import json
import pathlib
import re
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
IMAGE_BYTES_MAX = 500 * 1024 * 1024

SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
                    r"(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?")
NAME = re.compile(r"[a-z0-9-]{1,23}")
CONTEXT_PATH = re.compile(r"[a-zA-Z0-9._~-]+")
CATEGORY = re.compile(r"[a-zA-Z0-9.]+")
ROLE = re.compile(r"ROLE_[A-Z0-9_]+")
QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|[EPTGMK]i?)?")
UNITS = {None: 1, "m": 0.001, **{letter: 1000 ** power for power, letter in enumerate("KMGTPE", 1)},
         **{letter + "i": 1024 ** power for power, letter in enumerate("KMGTPE", 1)}}


class Checker:
    """Gathers the complaints about one manifest."""

    def __init__(self, manifest):
        self.complaints = []
        if not isinstance(manifest, dict):
            self.complain("", "must be a JSON object")
            return
        self.manifest = manifest
        for field in manifest:
            if field not in FIELDS:
                self.complain(field, "is not a field of the manifest")
        for field, (required, check) in FIELDS.items():
            if field in manifest:
                check(self, field, manifest[field])
            elif required:
                self.complain(field, "is required")
        self.check_together()

    def complain(self, field, text):
        self.complaints.append(f"{field}: {text}" if field else text)

    def is_a(self, field, value, kind):
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return True
        self.complain(field, f"must be {KIND_NAMES[kind]}, not {json.dumps(value)}")
        return False

    def matches(self, field, value, pattern, what):
        if self.is_a(field, value, str) and not pattern.fullmatch(value):
            self.complain(field, f"{json.dumps(value)} must be {what}")

    def only(self, field, value, known):
        for key in value:
            if key not in known:
                self.complain(f"{field}.{key}", "is not known here")

    # One method per field; FIELDS says which is required.
    def api_version(self, field, value):
        # Anything else would silently count as v2: better said here than found out there.
        self.matches(field, value, re.compile(r"v?[1-9]\d*"), "a positive integer with an optional v")

    def name(self, field, value):
        self.matches(field, value, NAME, "1 to 23 characters of a-z, 0-9 and -")

    def context_path(self, field, value):
        self.matches(field, value, CONTEXT_PATH, "made of a-z, A-Z, 0-9, -, ., _ and ~")

    def version(self, field, value):
        self.matches(field, value, SEMVER, "a semantic version without +")

    def provider(self, field, value):
        if isinstance(value, str):
            if not value.strip():
                self.complain(field, "must name somebody")
            return
        if not isinstance(value, dict):
            self.complain(field, "must be an object or a short string")
            return
        self.only(field, value, ("name", "domain", "support"))
        if not isinstance(value.get("name"), str) or not value.get("name", "").strip():
            self.complain(f"{field}.name", "is required")
        for part in ("domain", "support"):
            if part in value:
                self.is_a(f"{field}.{part}", value[part], str)

    def one_of(*allowed):
        def check(self, field, value):
            if value not in allowed:
                self.complain(field, f"must be one of {', '.join(allowed)}, not {json.dumps(value)}")
        return check

    def replicas(self, field, value):
        if self.is_a(field, value, int) and not 1 <= value <= 5:
            self.complain(field, "must be from 1 to 5")

    def quantity(self, field, value, least, milli):
        text = str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
        match = QUANTITY.fullmatch(text) if isinstance(text, str) else None
        if not match or (match.group(2) == "m") and not milli:
            self.complain(field, f"{json.dumps(value)} is not a quantity")
            return None
        amount = float(match.group(1)) * UNITS[match.group(2)]
        if amount < least:
            self.complain(field, f"{value} is less than the minimum")
        return amount

    def resources(self, field, value):
        if not self.is_a(field, value, dict):
            return
        self.only(field, value, ("cpu", "memory"))
        # The minimum of 0.1 CPU and 10M is that of the limits; requests may be smaller than that, not nothing.
        is_limit = field == "resources"
        if "cpu" in value:
            self.quantity(f"{field}.cpu", value["cpu"], 0.1 if is_limit else 0.001, True)
        if "memory" in value:
            self.quantity(f"{field}.memory", value["memory"], 10_000_000 if is_limit else 1, False)

    def roles(self, field, value):
        if not self.is_a(field, value, list):
            return
        for i, role in enumerate(value):
            self.matches(f"{field}[{i}]", role, ROLE, "a role such as ROLE_INVENTORY_READ")
        texts = [role for role in value if isinstance(role, str)]
        for role in sorted({role for role in texts if texts.count(role) > 1}):
            self.complain(field, f"{role} is there twice")

    def probe(self, field, value):
        if not self.is_a(field, value, dict):
            return
        kinds = [kind for kind in ("exec", "tcpSocket", "httpGet") if kind in value]
        numbers = {"initialDelaySeconds": 0, "periodSeconds": 1, "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 1}
        self.only(field, value, ("exec", "tcpSocket", "httpGet", *numbers))
        if len(kinds) != 1:
            self.complain(field, "needs exactly one of exec, tcpSocket and httpGet")
        for number, least in numbers.items():
            if number in value and self.is_a(f"{field}.{number}", value[number], int) and value[number] < least:
                self.complain(f"{field}.{number}", f"must be at least {least}")
        for kind in kinds:
            if self.is_a(f"{field}.{kind}", value[kind], dict):
                self.probe_target(f"{field}.{kind}", kind, value[kind])

    def probe_target(self, field, kind, value):
        self.only(field, value, {"exec": ("command",), "tcpSocket": ("host", "port"), "httpGet": ("host", "path", "port", "scheme", "headers")}[kind])
        if kind == "exec":
            command = value.get("command")
            if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
                self.complain(f"{field}.command", "must be a list of words")
            return
        if "port" in value and self.is_a(f"{field}.port", value["port"], int) and not 1 <= value["port"] <= 65535:
            self.complain(f"{field}.port", "must be from 1 to 65535")
        if kind == "httpGet":
            if not isinstance(value.get("path"), str) or not value["path"].startswith("/"):
                self.complain(f"{field}.path", "must begin with /")
            if value.get("scheme", "HTTP") not in ("HTTP", "HTTPS"):
                self.complain(f"{field}.scheme", "must be HTTP or HTTPS")

    def settings(self, field, value):
        if not self.is_a(field, value, list):
            return
        for i, option in enumerate(value):
            place = f"{field}[{i}]"
            if not self.is_a(place, option, dict):
                continue
            flags = ("editable", "overwriteOnUpdate", "inheritFromOwner")
            self.only(place, option, ("key", "defaultValue", "valueSchema", *flags))
            for needed in ("key", "defaultValue"):
                if not isinstance(option.get(needed), str) or (needed == "key" and not option[needed]):
                    self.complain(f"{place}.{needed}", "is required, as text")
            if option.get("defaultValue") == " ":
                self.complain(f"{place}.defaultValue", "a single blank is not a valid value")
            for flag in flags:
                if flag in option:
                    self.is_a(f"{place}.{flag}", option[flag], bool)
        named = [option.get("key") for option in value if isinstance(option, dict)]
        for key in sorted({key for key in named if isinstance(key, str) and named.count(key) > 1}):
            self.complain(field, f"{key} is there twice")

    def settings_category(self, field, value):
        self.matches(field, value, CATEGORY, "made of a-z, A-Z, 0-9 and .")

    def extensions(self, field, value):
        if self.is_a(field, value, list):
            for i, extension in enumerate(value):
                if not isinstance(extension, dict) or not isinstance(extension.get("type"), str):
                    self.complain(f"{field}[{i}].type", "is required")

    def build_spec(self, field, value):
        if self.is_a(field, value, dict):
            self.only(field, value, ("targetBuildArchitectures",))
            architectures = value.get("targetBuildArchitectures", [])
            if not isinstance(architectures, list) or not all(isinstance(one, str) for one in architectures):
                self.complain(f"{field}.targetBuildArchitectures", "must be a list of texts")

    def check_together(self):
        limits, requests = (self.manifest.get(field) for field in ("resources", "requestedResources"))
        limits = limits if isinstance(limits, dict) else {}
        requests = requests if isinstance(requests, dict) else {}
        defaults = {"cpu": ("0.5", "250m"), "memory": ("512M", "256M")}
        for part, (limit, request) in defaults.items():
            silent = Checker.__new__(Checker)
            silent.complaints = []
            most = silent.quantity("", limits.get(part, limit), 0, part == "cpu")
            wanted = silent.quantity("", requests.get(part, request), 0, part == "cpu")
            if most is not None and wanted is not None and wanted > most:
                self.complain(f"requestedResources.{part}", "asks for more than the limit in resources")


KIND_NAMES = {str: "text", int: "a whole number", dict: "an object", list: "a list", bool: "true or false"}
FIELDS = {  # field: (required, check)
    "apiVersion": (True, Checker.api_version),
    "name": (False, Checker.name),
    "contextPath": (False, Checker.context_path),
    "version": (True, Checker.version),
    "provider": (True, Checker.provider),
    "isolation": (False, Checker.one_of("MULTI_TENANT", "PER_TENANT")),
    "billingMode": (False, Checker.one_of("RESOURCES", "SUBSCRIPTION")),
    "scale": (False, Checker.one_of("AUTO", "NONE")),
    "replicas": (False, Checker.replicas),
    "resources": (False, Checker.resources),
    "requestedResources": (False, Checker.resources),
    "requiredRoles": (False, Checker.roles),
    "roles": (False, Checker.roles),
    "livenessProbe": (False, Checker.probe),
    "readinessProbe": (False, Checker.probe),
    "settings": (False, Checker.settings),
    "settingsCategory": (False, Checker.settings_category),
    "extensions": (False, Checker.extensions),
    "buildSpec": (False, Checker.build_spec),
}


def refuse_repeats(pairs):
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a field is there twice")
    return made


def complaints_of_text(text):
    try:
        manifest = json.loads(text, object_pairs_hook=refuse_repeats)
    except ValueError as wrong:
        return [f"not JSON: {wrong}"]
    return Checker(manifest).complaints


def complaints_of_zip(path):
    try:
        with zipfile.ZipFile(path) as package:
            names = sorted(package.namelist())
            if names != ["cumulocity.json", "image.tar"]:
                return [f"must hold exactly image.tar and cumulocity.json at its root, not {', '.join(names)}"]
            complaints = complaints_of_text(package.read("cumulocity.json").decode("utf-8", "replace"))
            if package.getinfo("image.tar").file_size > IMAGE_BYTES_MAX:
                complaints.append("image.tar: more than 500 MB")
            return complaints
    except (OSError, zipfile.BadZipFile) as wrong:
        return [str(wrong)]


def project_version():
    found = re.search(r"project\(\S+ VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))
    return found.group(1) + "-SNAPSHOT"


def make(program, version=None):
    template = json.loads((ROOT / "cumulocity.json").read_text(encoding="utf-8"), object_pairs_hook=refuse_repeats)
    if program not in template or program == "common":
        raise SystemExit(f"{program}: choose one of {', '.join(key for key in template if key != 'common')}")
    own = template[program]
    return {"apiVersion": template["common"]["apiVersion"], "name": own["name"], "version": version or project_version(),
            **{key: value for key, value in {**template["common"], **own}.items() if key not in ("apiVersion", "name")}}


def main(arguments):
    if arguments[:1] == ["--make"] and len(arguments) >= 2:
        version = arguments[3] if arguments[2:3] == ["--version"] and len(arguments) == 4 else None
        print(json.dumps(make(arguments[1], version), indent=2))
        return 0
    if not arguments or arguments[0].startswith("--") and arguments[0] != "--zip":
        print(__doc__, file=sys.stderr)
        return 2
    check = complaints_of_zip if arguments[0] == "--zip" else lambda path: complaints_of_text(pathlib.Path(path).read_text(encoding="utf-8"))
    failed = False
    for path in arguments[1:] if arguments[0] == "--zip" else arguments:
        for complaint in check(path):
            print(f"{path}: {complaint}", file=sys.stderr)
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
