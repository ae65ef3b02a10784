#include "common/core/token_bucket.hpp"
#include "tests/support/manual_clock.hpp"

#include <catch2/catch.hpp>

using core::token_bucket;
using std::chrono::milliseconds;

TEST_CASE("token bucket: without a rate everything passes", "[core]") {
    support::manual_clock time;
    token_bucket off;
    for (int i = 0; i < 1000; ++i) CHECK(off.take(time.now(), 1e9));
    CHECK(off.take_some(time.now(), 77) == 77);
    CHECK_FALSE(off.owes(time.now()));
    off.spend(1e9);
    CHECK_FALSE(off.owes(time.now()));
}

TEST_CASE("token bucket: a second's worth at once, then the rate", "[core]") {
    support::manual_clock time;
    token_bucket bucket(10);
    int passed = 0;
    for (int i = 0; i < 100; ++i) passed += bucket.take(time.now());
    CHECK(passed == 10);
    time.advance(milliseconds(250));
    for (int i = 0; i < 100; ++i) passed += bucket.take(time.now());
    CHECK(passed == 12);
    time.advance(std::chrono::hours(10)); // no more than the burst gathers
    for (int i = 0; i < 100; ++i) passed += bucket.take(time.now());
    CHECK(passed == 22);
}

TEST_CASE("token bucket: over a long time the rate is exact", "[core]") {
    support::manual_clock time;
    token_bucket bucket(7);
    int passed = 0;
    for (int i = 0; i < 60'000; ++i) { // a minute
        passed += bucket.take(time.now());
        time.advance(milliseconds(1));
    }
    CHECK(passed >= 7 + 7 * 60 - 1);
    CHECK(passed <= 7 + 7 * 60);
}

TEST_CASE("token bucket: something larger than the burst passes and is paid for", "[core]") {
    support::manual_clock time;
    token_bucket bucket(1000);
    CHECK_FALSE(bucket.take(time.now(), 3000));
    CHECK(bucket.take_owing(time.now(), 3000));
    CHECK_FALSE(bucket.take_owing(time.now(), 1));
    CHECK(bucket.owes(time.now()));
    time.advance(milliseconds(1999));
    CHECK_FALSE(bucket.take_owing(time.now(), 1));
    time.advance(milliseconds(2));
    CHECK(bucket.take_owing(time.now(), 1));
}

TEST_CASE("token bucket: takes as many as there are", "[core]") {
    support::manual_clock time;
    token_bucket bucket(10);
    CHECK(bucket.take_some(time.now(), 4) == 4);
    CHECK(bucket.take_some(time.now(), 40) == 6);
    CHECK(bucket.take_some(time.now(), 40) == 0);
    bucket.spend(5);
    CHECK(bucket.take_some(time.now(), 40) == 0);
    time.advance(milliseconds(1000));
    CHECK(bucket.take_some(time.now(), 40) == 5);
}

TEST_CASE("token bucket: another rate takes effect at once and keeps what is spent", "[core]") {
    support::manual_clock time;
    token_bucket bucket(100);
    CHECK(bucket.take_some(time.now(), 100) == 100);
    bucket.limit(2);
    CHECK_FALSE(bucket.take(time.now()));
    time.advance(milliseconds(500));
    CHECK(bucket.take(time.now()));
    CHECK_FALSE(bucket.take(time.now()));
    bucket.limit(0);
    CHECK(bucket.take(time.now(), 1000));
    bucket.limit(3);
    CHECK(bucket.take_some(time.now(), 9) == 3);
}
