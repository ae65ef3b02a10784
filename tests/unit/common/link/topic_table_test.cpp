#include "common/link/topic_table.hpp"
#include "tests/support/manual_clock.hpp"

#include <catch2/catch.hpp>

using msg_link::topic_table;
using numbers = std::vector<std::uint32_t>;

TEST_CASE("topic table: a topic keeps its number, another name or tenant gets another", "[link]") {
    support::manual_clock time;
    topic_table table;
    const auto first = table.find_or_open("t1", "mqtt", "a", time.now());
    CHECK(first.fresh);
    CHECK_FALSE(table.find_or_open("t1", "mqtt", "a", time.now()).fresh);
    CHECK(table.find_or_open("t1", "mqtt", "a", time.now()).number == first.number);
    CHECK(table.find_or_open("t2", "mqtt", "a", time.now()).number != first.number);
    CHECK(table.find_or_open("t1", "mqtta", "", time.now()).fresh);
    CHECK(table.contains("t1", "mqtt", "a"));
    CHECK_FALSE(table.contains("t1", "mqtt", "b"));
    REQUIRE(table.name_of(first.number) != nullptr);
    CHECK(table.name_of(first.number)->name == "a");
    CHECK(table.name_of(99) == nullptr);
    CHECK(table.size() == 3);
}

TEST_CASE("topic table: a number is closed only when all that may name it is settled", "[link]") {
    support::manual_clock time;
    topic_table table;
    const auto old = table.find_or_open("t1", "mqtt", "old", time.now()).number;
    time.advance(std::chrono::minutes(61));
    const auto used = table.find_or_open("t1", "mqtt", "used", time.now()).number;
    const auto generation = table.generation();
    table.retire_unused(time.now() - std::chrono::hours(1), 10);
    CHECK(table.generation() != generation);
    CHECK_FALSE(table.contains("t1", "mqtt", "old"));
    CHECK(table.take_closed(9).empty());
    CHECK(table.open().contains(old)); // a reconnect now must name it: frame 10 is sent again
    CHECK(table.name_of(old) != nullptr);

    const auto again = table.find_or_open("t1", "mqtt", "old", time.now());
    CHECK(again.fresh);
    CHECK(again.number != old);
    CHECK(table.take_closed(10) == numbers{old});
    CHECK(table.take_closed(11).empty());
    CHECK_FALSE(table.open().contains(old));
    CHECK(table.open().contains(used));
    CHECK(table.open().contains(again.number));
    CHECK(table.size() == 2);
}
