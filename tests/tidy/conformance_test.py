"""The checker of the conformance table must notice each way in which the table could lie, and nothing else."""
import pathlib
import tempfile
import unittest

import conformance

SOURCE = '''
TEST_CASE("a client: one \\"word\\"", "[broker][MQTT311-3.1.0-1]"
          "[MQTT5-3.1.0-1]") { CHECK(true); }
TEST_CASE("no tags at all") {}
'''
SCENARIO = '''
def take_over(stack):
    """second CONNECT ends the first

    [MQTT5-3.1.4-3]
    """

def forgotten(stack):
    """[MQTT5-3.1.4-3]"""

def main():
    steps = Steps()
    steps.run(stack, take_over)
'''


def made_table():
    """A complete table: every statement of a server proven by a test of its own, and the tests."""
    tests, lines = {}, []
    for statement in sorted(conformance.statement_ids()):
        if statement in conformance.CLIENT_ONLY:
            lines.append(f"| {statement} | words | client |")
            continue
        name = f"unit/broker/mqtt: proves {statement}"
        tests[name] = {statement}
        lines.append(f"| {statement} | words | `{name}` |")
    return "\n".join(lines) + "\n", tests


class Table(unittest.TestCase):
    def setUp(self):
        self.text, self.tests = made_table()
        self.row = next(line for line in self.text.splitlines() if line.startswith("| MQTT5-3.3.4-7 "))

    def complaints(self, text=None, tests=None):
        return list(conformance.complaints_of(self.text if text is None else text, self.tests if tests is None else tests))

    def test_the_numbers_are_those_of_the_standards(self):
        ids = conformance.statement_ids()
        for version, count in (("MQTT311", 141), ("MQTT5", 251), ("MQTT31", 35)):
            self.assertEqual(sum(conformance.version_of(one) == version for one in ids), count)
        self.assertIn("MQTT5-2.2.1-6", ids)
        self.assertNotIn("MQTT5-2.2.1-1", ids)
        self.assertLessEqual(conformance.CLIENT_ONLY, ids)

    def test_a_complete_table_is_fine(self):
        self.assertEqual(self.complaints(), [])

    def test_a_missing_statement_is_noticed(self):
        found = self.complaints(self.text.replace(self.row + "\n", ""))
        self.assertIn("MQTT5-3.3.4-7 is missing", found)
        self.assertIn("MQTT5 has 250 statements, not 251", found)

    def test_a_statement_that_stands_there_twice_or_does_not_exist_is_noticed(self):
        self.assertIn("MQTT5-3.3.4-7 stands there 2 times", self.complaints(self.text + self.row + "\n"))
        found = self.complaints(self.text + "| MQTT5-3.3.4-11 | words | client |\n")
        self.assertIn("MQTT5-3.3.4-11 is no statement", found)

    def test_an_unknown_test_is_noticed(self):
        name = "unit/broker/mqtt: proves MQTT5-3.3.4-7"
        found = self.complaints(tests={key: tags for key, tags in self.tests.items() if key != name})
        self.assertEqual(len(found), 1)
        self.assertIn(f"MQTT5-3.3.4-7 names a test that does not exist: {name}", found[0])

    def test_a_test_without_the_tag_is_noticed(self):
        name = "unit/broker/mqtt: proves MQTT5-3.3.4-7"
        found = self.complaints(tests=self.tests | {name: set()})
        self.assertIn(f"names a test without the tag [MQTT5-3.3.4-7]: {name}", found[0])

    def test_a_test_that_is_not_named_and_a_tag_of_no_statement_are_noticed(self):
        found = self.complaints(tests=self.tests | {"unit/broker/mqtt: more": {"MQTT5-3.3.4-7", "MQTT5-9.9.9-9"}})
        self.assertIn("does not name a test that has its tag: unit/broker/mqtt: more", found[0])
        self.assertIn("has the tag of no statement: MQTT5-9.9.9-9", found[1])

    def test_a_row_without_proof_is_noticed(self):
        name = "unit/broker/mqtt: proves MQTT5-3.3.4-7"
        tests = {key: tags for key, tags in self.tests.items() if key != name}
        for cell, complaint in (("", "neither a test nor a reason"), ("client", "a client's matter and is not"),
                                ("[retained messages]", "not in the list: retained messages")):
            with self.subTest(cell):
                found = self.complaints(self.text.replace(self.row, f"| MQTT5-3.3.4-7 | words | {cell} |"), tests)
                self.assertEqual(len(found), 1)
                self.assertIn(complaint, found[0])
        listed = self.text.replace(self.row, "| MQTT5-3.3.4-7 | words | [retained messages] |")
        self.assertEqual(self.complaints(listed + "* **retained messages**: there are none.\n", tests), [])

    def test_a_listed_statement_that_has_a_test_is_noticed(self):
        listed = self.text.replace(self.row, "| MQTT5-3.3.4-7 | words | [retained messages] |")
        found = self.complaints(listed + "* **retained messages**: there are none.\n")
        self.assertIn("does not name a test that has its tag", found[0])

    def test_a_reason_for_nothing_is_noticed(self):
        found = self.complaints(self.text + "* **bridges**: there are none.\n")
        self.assertEqual(found, ["the reason bridges is given for no statement"])

    def test_what_only_binds_clients_says_so(self):
        text = self.text.replace("| MQTT5-3.3.4-8 | words | client |", "| MQTT5-3.3.4-8 | words | [bridges] |")
        found = self.complaints(text + "* **bridges**: there are none.\n")
        self.assertIn("binds the client alone", found[0])

    def test_update_writes_the_names_and_keeps_the_words(self):
        name = "unit/broker/mqtt: more"
        text = conformance.updated(self.text, self.tests | {name: {"MQTT5-3.3.4-7", "MQTT5-3.3.4-8"}})
        self.assertIn(f"| MQTT5-3.3.4-7 | words | `{name}`; `unit/broker/mqtt: proves MQTT5-3.3.4-7` |", text)
        self.assertIn(f"| MQTT5-3.3.4-8 | words | client; kept here too: `{name}` |", text)
        self.assertEqual(conformance.updated(self.text, self.tests), self.text)


class Run(unittest.TestCase):
    def setUp(self):
        self.text = "| MQTT5-3.3.4-7 | words | `unit/broker/mqtt: one`; `system/mqtt_scenarios: take_over` |\n"

    def complaints(self, report, sources=None):
        with tempfile.TemporaryDirectory() as directory:
            if report is not None:
                (pathlib.Path(directory) / "unit_broker_mqtt.tsv").write_text(report, encoding="utf-8")
            sources = conformance.PROGRAMS if sources is None else sources
            return list(conformance.run_complaints(self.text, sources, conformance.read_reports(directory, sources)))

    def test_what_ran_and_passed_is_fine(self):
        self.assertEqual(self.complaints("passed\t3\t[MQTT5-3.3.4-7]\tone\n"), [])

    def test_what_did_not_run_is_noticed(self):
        for report in (None, "", "passed\t3\t\tanother\n"):
            with self.subTest(report):
                self.assertEqual(self.complaints(report), ["did not run: unit/broker/mqtt: one"])
        self.assertEqual(self.complaints(None, conformance.SCENARIOS), ["did not run: system/mqtt_scenarios: take_over"])

    def test_what_failed_or_asserted_nothing_is_noticed(self):
        self.assertEqual(self.complaints("failed\t3\t\tone\n"), ["failed: unit/broker/mqtt: one"])
        self.assertEqual(self.complaints("passed\t0\t\tone\n"), ["asserted nothing: unit/broker/mqtt: one"])


class Sources(unittest.TestCase):
    def test_catch2_cases_and_their_tags(self):
        self.assertEqual(conformance.cases_of(SOURCE), {'a client: one "word"': {"MQTT311-3.1.0-1", "MQTT5-3.1.0-1"},
                                                        "no tags at all": set()})

    def test_scenarios_count_only_when_main_runs_them(self):
        self.assertEqual(conformance.scenarios_of(SCENARIO), {"take_over": {"MQTT5-3.1.4-3"}})

    def test_tags_where_nobody_reads_them_are_noticed(self):
        with tempfile.TemporaryDirectory() as directory:
            for folder in ("unit/broker/mqtt", "unit/broker/edge"):
                path = pathlib.Path(directory) / "tests" / folder / "some_test.cpp"
                path.parent.mkdir(parents=True)
                path.write_text(SOURCE, encoding="utf-8")
            found = list(conformance.unread_tags(pathlib.Path(directory)))
            self.assertEqual(found, [("unit/broker/edge/some_test.cpp", "MQTT311-3.1.0-1"),
                                     ("unit/broker/edge/some_test.cpp", "MQTT5-3.1.0-1")])

    def test_the_tree_itself_has_tests(self):
        tests = conformance.find_tests(conformance.ROOT)
        for source in conformance.PROGRAMS | conformance.SCENARIOS:
            with self.subTest(source):
                self.assertTrue(any(name.startswith(source + ": ") and tags for name, tags in tests.items()))


if __name__ == "__main__":
    unittest.main()
