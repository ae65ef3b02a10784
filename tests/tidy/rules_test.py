"""The rule scripts must complain about each form they forbid, and about nothing else."""
import unittest

import coroutine_hazards
import layers


def layer_complaints(path, *includes):
    text = "\n".join(f"#include {include}" for include in includes)
    return [complaint for _, complaint in layers.complaints_of(path, text)]


def hazards(code):
    return [complaint for _, complaint in coroutine_hazards.complaints_of(code)]


class Layers(unittest.TestCase):
    def test_upwards_and_common_are_fine(self):
        self.assertEqual(layer_complaints("broker/edge/a.cpp", '"broker/mqtt/packet.hpp"', '"common/net/url.hpp"', "<vector>"), [])
        self.assertEqual(layer_complaints("messaging/service.cpp", '"messaging/endpoint/front.hpp"'), [])
        self.assertEqual(layer_complaints("tests/unit/broker/mqtt/a_test.cpp", '"broker/mqtt/packet.hpp"', '"local.hpp"'), [])

    def test_downwards_is_refused(self):
        self.assertIn("lies below", layer_complaints("broker/mqtt/a.cpp", '"broker/edge/b.hpp"')[0])
        self.assertIn("lies below", layer_complaints("broker/edge/a.cpp", '"broker/config.hpp"')[0])
        self.assertIn("lies below", layer_complaints("common/core/a.hpp", '"common/net/b.hpp"')[0])

    def test_other_processes_and_tests_are_refused(self):
        self.assertIn("does not include", layer_complaints("broker/edge/a.cpp", '"messaging/store/b.hpp"')[0])
        self.assertIn("does not include", layer_complaints("common/net/a.cpp", '"broker/mqtt/b.hpp"')[0])
        self.assertIn("does not include tests", layer_complaints("mapper/api/a.cpp", '"tests/support/b.hpp"')[0])
        self.assertIn("shares only common", layer_complaints("tests/platform/a.cpp", '"mapper/api/b.hpp"')[0])

    def test_heavy_headers_stay_where_they_are(self):
        self.assertEqual(layer_complaints("common/net/a.cpp", "<boost/beast/core.hpp>", "<openssl/ssl.h>"), [])
        self.assertTrue(layer_complaints("common/net/a.hpp", "<boost/beast/core.hpp>"))
        self.assertTrue(layer_complaints("broker/edge/a.cpp", "<boost/asio/ssl.hpp>"))
        self.assertTrue(layer_complaints("broker/edge/a.cpp", "<spdlog/spdlog.h>"))
        self.assertTrue(layer_complaints("broker/session/a.cpp", "<boost/asio/awaitable.hpp>"))

    def test_unknown_folders_and_short_names_are_refused(self):
        self.assertIn("not in the list", layer_complaints("broker/extra/a.cpp", '"common/core/b.hpp"')[0])
        self.assertIn("from the root", layer_complaints("broker/edge/a.cpp", '"b.hpp"')[0])


class CoroutineHazards(unittest.TestCase):
    def test_the_forms_that_g_plus_plus_12_breaks(self):
        for code in ("void f() { co_await g(options{name, 1}); }",
                     "void f() { result r{co_await g(), 2}; }",
                     "void f() { co_await [c = std::move(c)]() -> awaitable<int> { co_return 1; }(); }",
                     "void f() { co_await co_spawn(ex, [cap]() -> awaitable<void> { co_return; }, token); }",
                     "void f() { auto s = b ? co_await g() : co_await h(); }",
                     "void f() { auto s = b ? co_await g() : other; }",
                     "void f() { if (a && (co_await g()).ok() && co_await h()) { x(); } }",
                     'void f() { co_await g({"a", "b"}); }'):
            with self.subTest(code):
                self.assertTrue(hazards(code))

    def test_what_is_fine(self):
        for code in ("void f() { options o{name, 1}; co_await g(std::move(o)); }",
                     "void f() { while (true) { const auto [e, n] = co_await g(1); if (e) { x{1}; } } }",
                     "void f() { if (co_await g()) { y({1}); } else { z(); } }",
                     "void f() { x += co_await g(); }",
                     "// co_await g(options{1});\nvoid f();",
                     "void f() {\n// co_await is safe here: int\nco_await g(int{1});\n}"):
            with self.subTest(code):
                self.assertEqual(hazards(code), [])


if __name__ == "__main__":
    unittest.main()
