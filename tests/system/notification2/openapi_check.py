"""Holds what messaging answers against the document that it serves: every call of `Checked` must be a documented operation
with a documented code, and its body must be of the documented schema (python3-jsonschema)."""

import base64
import json
import re
import urllib.error
import urllib.parse
import urllib.request

import jsonschema


def quote(text: str) -> str:
    return urllib.parse.quote(text, safe="")


class Document:
    def __init__(self, http: str):
        with urllib.request.urlopen(http + "/openapi.json", timeout=10) as answer:
            self.root = json.load(answer)
        self.seen = set()  # (METHOD, path, code)
        self.patterns = [(re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)) + "$"), path)
                         for path in self.root["paths"]]

    def path_of(self, target: str):
        plain = target.split("?")[0]
        return next((path for pattern, path in self.patterns if pattern.match(plain)), None)

    def operations(self):
        for path, methods in self.root["paths"].items():
            for method, operation in methods.items():
                if method != "parameters":
                    yield method.upper(), path, operation

    def resolve(self, node):
        while "$ref" in node:
            at = self.root
            for part in node["$ref"][2:].split("/"):
                at = at[part]
            node = at
        return node

    def validate(self, schema: dict, value):
        whole = dict(schema, components=self.root["components"])
        jsonschema.Draft202012Validator(whole).validate(value)

    def check_request(self, method: str, target: str, body):
        """A call that is expected to be taken must be one that the document allows."""
        path = self.path_of(target)
        methods = self.root["paths"][path]
        operation = methods[method.lower()]
        known = {self.resolve(one)["name"]: self.resolve(one)
                 for one in methods.get("parameters", []) + operation.get("parameters", [])}
        for name, value in urllib.parse.parse_qsl(target.partition("?")[2]):
            assert name in known and known[name]["in"] == "query", "%s %s: %s is not documented" % (method, path, name)
            schema = known[name]["schema"]
            self.validate(schema, int(value) if schema.get("type") == "integer" else value)
        if body is not None and "requestBody" in operation:
            self.validate(operation["requestBody"]["content"]["application/json"]["schema"], body)

    def check_answer(self, method: str, target: str, status: int, kind: str, body: bytes):
        path = self.path_of(target)
        assert path is not None, "%s is not documented" % target
        operation = self.root["paths"][path].get(method.lower())
        assert operation is not None, "%s %s is not documented" % (method, path)
        answer = operation["responses"].get(str(status))
        assert answer is not None, "%s %s: %d is not documented: %s" % (method, path, status, body[:200])
        self.seen.add((method, path, status))
        content = answer.get("content")
        if content is None:
            assert not body, "%s %s: %d has a body" % (method, path, status)
            return
        assert kind.split(";")[0] in content, (kind, content)
        if kind.startswith("application/json"):
            self.validate(content["application/json"]["schema"], json.loads(body))


class Checked:
    """Calls as one user; each is held against the document."""

    def __init__(self, document: Document, http: str, user=None, password=""):
        self.document, self.http, self.headers = document, http, {}
        if user is not None:
            self.headers["Authorization"] = "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()

    def raw(self, method: str, target: str, body=None, content=None):
        """(status, headers, bytes), unchecked."""
        data = content if content is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.http + target, data=data, method=method, headers=dict(self.headers))
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def call(self, method: str, target: str, body=None, expect=200, content=None):
        """The answer's JSON, or None where it has no body."""
        if expect < 300 and content is None:
            self.document.check_request(method, target, body)
        status, headers, data = self.raw(method, target, body, content)
        self.document.check_answer(method, target, status, headers.get("Content-Type") or "", data)
        assert status == expect, "%s %s: %d instead of %d: %s" % (method, target, status, expect, data[:300])
        return json.loads(data) if data and (headers.get("Content-Type") or "").startswith("application/json") else None

    def get(self, target: str, expect=200):
        return self.call("GET", target, expect=expect)
