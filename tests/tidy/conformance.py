#!/usr/bin/python3
"""The table broker/CONFORMANCE.md against the tests. A statement is proven by the test cases that carry its tag:
`[MQTT311-4.3.2-2]`, `[MQTT5-3.3.4-7]`, `[MQTT31-5]` among the tags of a Catch2 TEST_CASE, or in the docstring of a
scenario of tests/system. The table names exactly those tests; what no test proves stands in the list at its end.

    tests/tidy/conformance.py                  table and sources agree: every statement once, every named test exists
    tests/tidy/conformance.py --ran DIR        and each of them ran, passed and asserted something, by the reports in DIR
    tests/tidy/conformance.py --update         writes the names of the tests into the table

CTest runs it behind the test programs (tests/tidy/CMakeLists.txt), which write the reports when TEST_REPORT names a file.
"""
import argparse
import ast
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = "broker/CONFORMANCE.md"
# Sections of the standards and the number of their last statement; in each the numbers run from 1 without a gap.
SECTIONS = {
    "MQTT311": "1.5.3:3 2.2.2:2 2.3.1:7 3.1.0:2 3.1.2:24 3.1.3:11 3.1.4:5 3.2.0:1 3.2.2:6 3.3.1:12 3.3.2:3 3.3.4:1 3.3.5:2 3.6.1:1"
               " 3.8.1:1 3.8.3:4 3.8.4:6 3.9.3:2 3.10.1:1 3.10.3:2 3.10.4:6 3.12.4:1 3.14.1:1 3.14.4:3 4.1.0:2 4.3.1:1 4.3.2:2"
               " 4.3.3:2 4.4.0:1 4.5.0:2 4.6.0:6 4.7.1:3 4.7.2:1 4.7.3:4 4.8.0:2 6.0.0:4 7.0.0:2 7.1.1:1 7.1.2:1",
    "MQTT5": "1.5.4:3 1.5.5:1 1.5.7:1 2.1.3:1 2.2.1:6 2.2.2:1 3.1.0:2 3.1.2:30 3.1.3:12 3.1.4:6 3.2.0:2 3.2.2:22 3.3.1:13 3.3.2:20"
             " 3.3.4:10 3.4.2:3 3.5.2:3 3.6.1:1 3.6.2:3 3.7.2:3 3.8.1:1 3.8.3:5 3.8.4:8 3.9.2:2 3.9.3:2 3.10.1:1 3.10.3:2 3.10.4:6"
             " 3.11.2:2 3.11.3:2 3.12.4:1 3.14.0:1 3.14.1:1 3.14.2:4 3.14.4:3 3.15.1:1 3.15.2:3 4.1.0:2 4.2.0:1 4.3.1:1 4.3.2:5"
             " 4.3.3:13 4.4.0:2 4.5.0:2 4.6.0:6 4.7.0:1 4.7.1:2 4.7.2:1 4.7.3:4 4.8.2:6 4.9.0:3 4.12.0:7 4.12.1:2 4.13.1:1 4.13.2:1"
             " 6.0.0:4",
}
NOT_NUMBERED = {"MQTT5-2.2.1-1"}  # the one number that 5.0 leaves out
COUNTS = {"MQTT311": 141, "MQTT5": 251, "MQTT31": 35}
# Statements that bind the client alone: a server can neither keep nor break them, nor notice the breach.
CLIENT_ONLY = {"MQTT311-" + number for number in "2.3.1-2 3.1.2-23 3.14.4-1 3.14.4-2 4.5.0-2 4.6.0-1 4.6.0-2 4.6.0-3 4.6.0-4 6.0.0-3"
               " 7.1.2-1".split()} | {
               "MQTT5-" + number for number in "3.1.2-20 3.1.2-21 3.2.2-4 3.2.2-5 3.2.2-21 3.3.2-10 3.3.4-8 4.5.0-2 4.6.0-1 4.6.0-2"
               " 4.6.0-3 4.6.0-4 6.0.0-3".split()}
# Where tests with these tags may be: Catch2 programs (folder below tests/ -> CTest name) and system scenarios.
PROGRAMS = {
    "unit/broker/mqtt": "unit_broker_mqtt", "unit/broker/session": "unit_broker_session", "unit/broker/relay": "unit_broker_relay",
    "unit/common/record": "unit_common_record", "unit/messaging/topic": "unit_messaging_topic", "property/broker": "property_broker",
}
SCENARIOS = {"system/mqtt_scenarios": "system_mqtt_scenarios", "system/mqtt_statements": "system_mqtt_statements"}

TAG = re.compile(r"\[(MQTT311|MQTT5|MQTT31)-([\d.]+(?:-\d+)?)\]")
ROW = re.compile(r"^\| ((?:MQTT311|MQTT5|MQTT31)-[\d.]+(?:-\d+)?) \| ([^|]+?) \| ([^|]*?) ?\|$")
TEST_CASE = re.compile(r'TEST_CASE\(\s*((?:"(?:\\.|[^"\\])*"\s*)+)(?:,\s*((?:"(?:\\.|[^"\\])*"\s*)+))?\)')
NAMED = re.compile(r"`([^`]+)`")
LISTED = re.compile(r"^\[([a-z0-9 ]+)\]$")
REASON = re.compile(r"^\* \*\*([a-z0-9 ]+)\*\*: (.+)$")

Row = collections.namedtuple("Row", "line id words cell")
Ran = collections.namedtuple("Ran", "result assertions")


def statement_ids():
    ids = set()
    for version, sections in SECTIONS.items():
        for section in sections.split():
            name, last = section.split(":")
            ids |= {f"{version}-{name}-{n}" for n in range(1, int(last) + 1)}
    ids |= {f"MQTT31-{n}" for n in range(1, COUNTS["MQTT31"] + 1)}
    return ids - NOT_NUMBERED


def version_of(statement):
    return statement.split("-", 1)[0]


def tags_in(text):
    return {f"{version}-{number}" for version, number in TAG.findall(text)}


# --- what there is


def literal(text):
    """One or more adjacent C++ string literals as a string."""
    return "".join(part.replace('\\"', '"').replace("\\\\", "\\") for part in re.findall(r'"((?:\\.|[^"\\])*)"', text))


def cases_of(source):
    """{name: tags} of the Catch2 test cases in a source text."""
    return {literal(name): tags_in(literal(tags)) for name, tags in TEST_CASE.findall(source)}


def scenarios_of(source):
    """{name: tags} of the scenarios that `main` hands to `run`."""
    tree = ast.parse(source)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    handed = {name.id for call in ast.walk(functions["main"]) if isinstance(call, ast.Call)
              and isinstance(call.func, ast.Attribute) and call.func.attr == "run"
              for name in call.args if isinstance(name, ast.Name)}
    return {name: tags_in(ast.get_docstring(node) or "") for name, node in functions.items() if name in handed}


def find_tests(root):
    """{full name: tags}; the full name is the folder or script below tests/, a colon and the test's own name."""
    tests = {}
    for folder in PROGRAMS:
        for path in sorted((root / "tests" / folder).glob("*.cpp")):
            for name, tags in cases_of(path.read_text(encoding="utf-8")).items():
                tests[f"{folder}: {name}"] = tags
    for script in SCENARIOS:
        path = root / "tests" / (script + ".py")
        if path.is_file():
            for name, tags in scenarios_of(path.read_text(encoding="utf-8")).items():
                tests[f"{script}: {name}"] = tags
    return tests


def unread_tags(root):
    """Tags in test sources that `find_tests` does not read, as path and tag: no row could name those tests."""
    for path in sorted((root / "tests").rglob("*_test.cpp")):
        name = path.relative_to(root / "tests")
        if str(name.parent) not in PROGRAMS:
            for tags in cases_of(path.read_text(encoding="utf-8")).values():
                yield from ((str(name), tag) for tag in sorted(tags))


def read_reports(directory, sources):
    """{full name: Ran} from the reports of these sources, as the programs wrote them."""
    ran = {}
    for source, program in sources.items():
        path = pathlib.Path(directory) / (program + ".tsv")
        if not path.is_file():
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            result, assertions, _, name = line.split("\t", 3)
            ran[f"{source}: {name}"] = Ran(result, int(assertions))
    return ran


# --- the table


def read_table(text):
    rows, reasons = [], {}
    for number, line in enumerate(text.splitlines(), 1):
        row = ROW.match(line)
        reason = REASON.match(line)
        if row:
            rows.append(Row(number, *row.groups()))
        elif reason:
            reasons[reason.group(1)] = reason.group(2)
    return rows, reasons


def cell_for(statement, tests, old):
    names = "; ".join(f"`{name}`" for name in sorted(name for name, tags in tests.items() if statement in tags))
    if statement in CLIENT_ONLY:
        return f"client; kept here too: {names}" if names else "client"
    return old if not names and LISTED.match(old) else names


def updated(text, tests):
    lines = text.splitlines()
    for row in read_table(text)[0]:
        lines[row.line - 1] = f"| {row.id} | {row.words} | {cell_for(row.id, tests, row.cell)} |"
    return "\n".join(lines) + "\n"


def row_complaints(row, tests, reasons):
    listed = LISTED.match(row.cell)
    named = set(NAMED.findall(row.cell))
    proving = {name for name, tags in tests.items() if row.id in tags}
    for name in sorted(named - set(tests)):
        yield f"names a test that does not exist: {name}"
    for name in sorted((named & set(tests)) - proving):
        yield f"names a test without the tag [{row.id}]: {name}"
    for name in sorted(proving - named):
        yield f"does not name a test that has its tag: {name}"
    if row.id in CLIENT_ONLY:
        if not row.cell.startswith("client"):
            yield "binds the client alone and does not say so"
    elif row.cell.startswith("client"):
        yield "is called a client's matter and is not"
    elif listed and listed.group(1) not in reasons:
        yield f"refers to a reason that is not in the list: {listed.group(1)}"
    elif not listed and not named:
        yield "has neither a test nor a reason"


def complaints_of(text, tests):
    rows, reasons = read_table(text)
    ids = statement_ids()
    seen = collections.Counter(row.id for row in rows)
    for statement in sorted(ids - set(seen)):
        yield f"{statement} is missing"
    for statement, count in sorted(seen.items()):
        if statement not in ids:
            yield f"{statement} is no statement"
        elif count > 1:
            yield f"{statement} stands there {count} times"
    for version, count in COUNTS.items():
        there = sum(version_of(statement) == version for statement in seen)
        if there != count:
            yield f"{version} has {there} statements, not {count}"
    for row in rows:
        if row.id in ids:
            yield from (f"line {row.line}: {row.id} {complaint}" for complaint in row_complaints(row, tests, reasons))
    for name, tags in sorted(tests.items()):
        yield from (f"the test {name} has the tag of no statement: {tag}" for tag in sorted(tags - ids))
    for reason in sorted(set(reasons) - {row.cell.strip("[]") for row in rows}):
        yield f"the reason {reason} is given for no statement"


def run_complaints(text, sources, ran):
    """What the table names from these sources and did not run, failed or asserted nothing."""
    named = {name for row in read_table(text)[0] for name in NAMED.findall(row.cell)}
    for name in sorted(name for name in named if name.split(": ", 1)[0] in sources):
        found = ran.get(name)
        if found is None:
            yield f"did not run: {name}"
        elif found.result != "passed":
            yield f"failed: {name}"
        elif found.assertions == 0:
            yield f"asserted nothing: {name}"


def main():
    parser = argparse.ArgumentParser(description="checks broker/CONFORMANCE.md against the tests")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    parser.add_argument("--ran", metavar="DIR", help="reports of the test programs of this run")
    parser.add_argument("--kind", choices=("programs", "scenarios"), default="programs", help="whose reports --ran reads")
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    path = arguments.root / TABLE
    text = path.read_text(encoding="utf-8")
    tests = find_tests(arguments.root)
    if arguments.update:
        path.write_text(updated(text, tests), encoding="utf-8")
        text = path.read_text(encoding="utf-8")
    complaints = list(complaints_of(text, tests))
    complaints += [f"tests/{name} has the tag {tag} and is not in PROGRAMS of this script" for name, tag in unread_tags(arguments.root)]
    if arguments.ran:
        sources = PROGRAMS if arguments.kind == "programs" else SCENARIOS
        complaints += run_complaints(text, sources, read_reports(arguments.ran, sources))
    for complaint in complaints:
        print(f"{TABLE}: {complaint}")
    rows, _ = read_table(text)
    proven = sum(bool(NAMED.search(row.cell)) for row in rows)
    print(f"conformance: {len(rows)} statements, {proven} with tests, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
