#include "common/ops/metrics.hpp"
#include "common/ops/process_metrics.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

TEST_CASE("metrics: the exposition of every kind, by name", "[ops]") {
    ops::metrics all;
    auto& refused = all.counters("b_refused_total", "Refused, \\ and\nwhy", {"tenant", "reason"});
    auto& open = all.gauges("a_open", "Open connections");
    auto& times = all.histograms("c_seconds", "Times", {0.5, 1, 2}, {"kind"});
    all.computed("d_ratio", "Asked for", [] { return 0.25; });
    refused.with({"t1", "too \"large\"\n"}).add(3);
    refused.with({"t1", "a"}).add();
    open.with().set(7);
    open.with().add(-2);
    auto& one = times.with({"x"});
    for (const double value : {0.1, 0.5, 0.6, 5.0}) one.observe(value);
    CHECK(all.text() == "# HELP a_open Open connections\n"
                        "# TYPE a_open gauge\n"
                        "a_open 5\n"
                        "# HELP b_refused_total Refused, \\\\ and\\nwhy\n"
                        "# TYPE b_refused_total counter\n"
                        "b_refused_total{tenant=\"t1\",reason=\"a\"} 1\n"
                        "b_refused_total{tenant=\"t1\",reason=\"too \\\"large\\\"\\n\"} 3\n"
                        "# HELP c_seconds Times\n"
                        "# TYPE c_seconds histogram\n"
                        "c_seconds_bucket{kind=\"x\",le=\"0.5\"} 2\n"
                        "c_seconds_bucket{kind=\"x\",le=\"1\"} 3\n"
                        "c_seconds_bucket{kind=\"x\",le=\"2\"} 3\n"
                        "c_seconds_bucket{kind=\"x\",le=\"+Inf\"} 4\n"
                        "c_seconds_sum{kind=\"x\"} 6.2\n"
                        "c_seconds_count{kind=\"x\"} 4\n"
                        "# HELP d_ratio Asked for\n"
                        "# TYPE d_ratio gauge\n"
                        "d_ratio 0.25\n");
}

TEST_CASE("metrics: what is collected keeps its kind and labels", "[ops]") {
    ops::metrics all;
    std::uint64_t packets = 7;
    all.collected(ops::metric_kind::counter, "packets_total", "Packets", {"type"}, [&](ops::samples& into) {
        into.add({"PUBLISH"}, static_cast<double>(packets));
        into.add({"a \"b\""}, 2);
    });
    all.collected(ops::metric_kind::gauge, "ratio", "Ratio", {}, [](ops::samples& into) { into.add(0.5); });
    all.counted("single_total", "Single", [&] { return packets * 1'000'000'000'000; });
    packets = 8;
    CHECK(all.text() == "# HELP packets_total Packets\n"
                        "# TYPE packets_total counter\n"
                        "packets_total{type=\"PUBLISH\"} 8\n"
                        "packets_total{type=\"a \\\"b\\\"\"} 2\n"
                        "# HELP ratio Ratio\n"
                        "# TYPE ratio gauge\n"
                        "ratio 0.5\n"
                        "# HELP single_total Single\n"
                        "# TYPE single_total counter\n"
                        "single_total 8000000000000\n");
}

TEST_CASE("metrics: the process tells what it uses and what it is", "[ops]") {
    ops::metrics all;
    ops::declare_process_metrics(all, "mqtt-test");
    const auto text = all.text();
    CHECK_THAT(text, Catch::Contains("\nprocess_resident_memory_bytes "));
    CHECK_THAT(text, Catch::Contains("# TYPE process_cpu_seconds_total counter\n"));
    CHECK_THAT(text, Catch::Contains("\nprocess_open_fds "));
    CHECK_THAT(text, Catch::Contains("build_info{program=\"mqtt-test\",version=\"" PROJECT_VERSION "\""));
}

TEST_CASE("metrics: the same labels are the same instrument", "[ops]") {
    ops::metrics all;
    auto& family = all.counters("x_total", "x", {"tenant"});
    auto& first = family.with({"t1"});
    CHECK(&first == &family.with({"t1"}));
    CHECK(&first != &family.with({"t2"}));
    first.add(2);
    CHECK(first.value() == 2);
    CHECK(family.with({"t2"}).value() == 0);
}

TEST_CASE("metrics: series over the limit share one", "[ops]") {
    ops::metrics all;
    auto& family = all.counters("x_total", "x", {"topic"});
    for (std::size_t i = 0; i < family.series_max; ++i) family.with({std::to_string(i)}).add();
    family.with({"one more"}).add();
    family.with({"and another"}).add();
    CHECK(family.with({"other"}).value() == 2);
    CHECK(family.series().size() == family.series_max + 1);
    CHECK(family.with({"17"}).value() == 1);
}

TEST_CASE("histogram: bounds are inclusive, outliers land in the last bucket", "[ops]") {
    ops::histogram times({1, 2});
    times.observe(1);
    times.observe(std::nextafter(1.0, 2.0));
    times.observe(std::numeric_limits<double>::infinity());
    CHECK(times.bucket(0) == 1);
    CHECK(times.bucket(1) == 1);
    CHECK(times.bucket(2) == 1);
    CHECK(times.count() == 3);
}
