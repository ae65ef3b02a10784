// The books of one client's stream: what is outstanding, what goes back as ranges, when credit is due.
#include "broker/relay/stream.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>
#include <vector>

using broker::relay::stream;
using positions = std::vector<std::uint64_t>;

namespace {

positions ranges_of(stream& from) {
    positions pairs;
    from.take_ranges(pairs);
    return pairs;
}

positions outstanding_of(const stream& from) {
    positions all;
    from.outstanding(all);
    return all;
}

} // namespace

TEST_CASE("what must not be acknowledged is taken and never outstanding") {
    stream books;
    books.take(5, 100, false);
    CHECK(books.taken() == 5);
    CHECK(books.outstanding_count() == 0);
    CHECK_FALSE(books.acknowledge(5));
    CHECK(ranges_of(books).empty());
}

TEST_CASE("neighbours in the order of delivery become one range, whatever their positions") {
    stream books;
    for (const std::uint64_t at : {3, 7, 20, 21, 40}) books.take(at, 10, true);
    CHECK(books.acknowledge(7));
    CHECK(books.acknowledge(3));
    CHECK(books.acknowledge(21));
    CHECK(ranges_of(books) == positions{3, 7, 21, 21});
    CHECK(outstanding_of(books) == positions{20, 40});
    CHECK(ranges_of(books).empty());
    CHECK(books.acknowledge(40));
    CHECK(books.acknowledge(20));
    CHECK(ranges_of(books) == positions{20, 40});
    CHECK(books.outstanding_count() == 0);
}

TEST_CASE("an acknowledgement counts once, and only for what was delivered") {
    stream books;
    books.take(10, 1, true);
    CHECK_FALSE(books.acknowledge(9));
    CHECK_FALSE(books.acknowledge(11));
    CHECK(books.acknowledge(10));
    CHECK_FALSE(books.acknowledge(10));
    CHECK(ranges_of(books) == positions{10, 10});
    CHECK_FALSE(books.acknowledge(10));
}

TEST_CASE("a redelivery stands before what is newer") {
    stream books;
    books.take(10, 1, true);
    books.take(20, 1, true);
    CHECK(books.acknowledge(10));
    CHECK(ranges_of(books) == positions{10, 10});
    books.take(10, 1, true);
    CHECK(books.taken() == 20);
    CHECK(outstanding_of(books) == positions{10, 20});
    SECTION("also when its acknowledgement had not left yet") {
        CHECK(books.acknowledge(20));
        books.take(20, 1, true);
        CHECK(ranges_of(books).empty());
        CHECK(outstanding_of(books) == positions{10, 20});
    }
    SECTION("twice is once") {
        books.take(10, 1, true);
        CHECK(outstanding_of(books) == positions{10, 20});
    }
}

TEST_CASE("credit is what was done plus the window, and goes out when half of either is used") {
    stream books;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    books.limit(10, 1000);
    books.credit_now(messages, bytes);
    CHECK(messages == 10);
    CHECK(bytes == 1000);
    for (int i = 0; i < 4; ++i) books.done(10);
    CHECK_FALSE(books.credit_due(messages, bytes));
    books.done(10);
    REQUIRE(books.credit_due(messages, bytes));
    CHECK(messages == 15);
    CHECK(bytes == 1050);
    CHECK_FALSE(books.credit_due(messages, bytes));
    SECTION("by bytes") {
        books.done(600);
        REQUIRE(books.credit_due(messages, bytes));
        CHECK(messages == 16);
        CHECK(bytes == 1650);
    }
    SECTION("one message larger than the window does not wrap around") {
        books.done(5000);
        REQUIRE(books.credit_due(messages, bytes));
        CHECK(bytes == 6050);
    }
}

TEST_CASE("without a window no credit is due") {
    stream books;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    books.done(1);
    CHECK_FALSE(books.credit_due(messages, bytes));
}

TEST_CASE("a window of one message is renewed after each") {
    stream books;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    books.limit(1, 1000);
    books.credit_now(messages, bytes);
    for (std::uint64_t i = 1; i <= 5; ++i) {
        books.done(1);
        REQUIRE(books.credit_due(messages, bytes));
        CHECK(messages == i + 1);
    }
}

TEST_CASE("at random: every position is reported exactly once, and never one that is not acknowledged") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 chance(seed);
    for (int round = 0; round < 200; ++round) {
        stream books;
        std::set<std::uint64_t> open;
        std::set<std::uint64_t> acknowledged;
        std::set<std::uint64_t> all;
        std::uint64_t next = 1;
        const auto collect = [&] {
            const auto pairs = ranges_of(books);
            REQUIRE(pairs.size() % 2 == 0);
            std::set<std::uint64_t> covered;
            for (std::size_t i = 0; i < pairs.size(); i += 2) {
                REQUIRE(pairs[i] <= pairs[i + 1]);
                for (auto it = all.lower_bound(pairs[i]); it != all.end() && *it <= pairs[i + 1]; ++it)
                    covered.insert(*it);
            }
            for (const auto at : open) REQUIRE_FALSE(covered.contains(at));
            for (const auto at : acknowledged) REQUIRE(covered.contains(at));
            acknowledged.clear();
        };
        for (int step = 0; step < 300; ++step) {
            const auto what = chance() % 10;
            if (what < 5) {
                next += 1 + chance() % 3;
                books.take(next, 1, true);
                open.insert(next);
                all.insert(next);
            } else if (what < 9 && !open.empty()) {
                auto at = open.begin();
                std::advance(at, static_cast<std::ptrdiff_t>(chance() % open.size()));
                REQUIRE(books.acknowledge(*at));
                acknowledged.insert(*at);
                open.erase(at);
            } else {
                collect();
            }
            REQUIRE(outstanding_of(books) == positions(open.begin(), open.end()));
        }
        collect();
        REQUIRE(books.outstanding_count() == open.size());
    }
}

TEST_CASE("a delivery that is owed gives no credit until it is paid for") {
    stream books;
    books.limit(4, 1000);
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    books.credit_now(messages, bytes);
    CHECK(messages == 4);
    for (int i = 0; i < 4; ++i) books.done(10, true);
    CHECK(books.owed() == 4);
    CHECK_FALSE(books.credit_due(messages, bytes));
    books.pay(3);
    CHECK(books.owed() == 1);
    CHECK(books.credit_due(messages, bytes));
    CHECK(messages == 7);
    CHECK(bytes == 1040);
    books.pay(1);
    books.credit_now(messages, bytes);
    CHECK(messages == 8);
    books.done(10); // what is not paced
    books.credit_now(messages, bytes);
    CHECK(messages == 9);
}
