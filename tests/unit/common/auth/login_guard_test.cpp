// Passwords behind a throttle: what counts for whom, and who passes.
#include "common/auth/login_guard.hpp"

#include "tests/support/manual_clock.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <functional>
#include <optional>

using namespace auth;
using namespace std::chrono_literals;

namespace {

/// `right` is everybody's password until the test says otherwise.
struct users final : provider {
    std::string right = "right";
    bool down = false;
    std::size_t asked = 0;
    std::deque<std::function<void()>> answers;

    void verify(credentials with, verify_callback done) override {
        ++asked;
        answers.push_back([this, with = std::move(with), done = std::move(done)] {
            if (down) return done(errc::unavailable);
            if (with.password != right) return done(errc::wrong_credentials);
            principal who;
            who.tenant = with.tenant;
            who.user = with.user;
            done(std::move(who));
        });
    }
};

struct fixture {
    fixture() {
        throttle_limits limits;
        limits.failures_per_user = 3;
        limits.failures_per_address = 8;
        credential_cache::options with;
        with.stale_lifetime = 24h;
        cache.emplace(
            inner, clock, [this](std::function<void()> job) { inner.answers.push_back(std::move(job)); }, with);
        guard.emplace(*cache, clock, limits);
    }
    /// Nothing: let in.
    core::error_code ask(const std::string& user, const std::string& password, const std::string& from = "192.0.2.1") {
        std::optional<core::result<principal>> got;
        guard->verify({core::tenant_id{"t1"}, user, password}, from + ":5000",
                      [&](core::result<principal> answer) { got = std::move(answer); });
        while (!got && !inner.answers.empty()) {
            const auto next = std::move(inner.answers.front());
            inner.answers.pop_front();
            next();
        }
        REQUIRE(got);
        return *got ? core::error_code() : got->error();
    }

    support::manual_clock clock;
    users inner;
    std::optional<credential_cache> cache;
    std::optional<login_guard> guard;
};

} // namespace

TEST_CASE_METHOD(fixture, "login guard: after some failures nothing is looked at, and it tells for how long") {
    for (int i = 0; i < 4; ++i) CHECK(ask("u", "wrong" + std::to_string(i)) == errc::wrong_credentials);
    const auto asked = inner.asked;
    CHECK(ask("u", "right") == errc::throttled);
    CHECK(ask("u", "right", "198.51.100.1") == errc::throttled); // from anywhere
    CHECK(inner.asked == asked);
    CHECK(guard->throttled() == 2);
    CHECK(guard->retry_after("t1/u", "192.0.2.1:1") == 1s);
    clock.advance(1s);
    CHECK(ask("u", "wrong") == errc::wrong_credentials);
    CHECK(guard->retry_after("t1/u", "192.0.2.1:1") == 2s);
    CHECK(guard->retry_after("t1/other", "192.0.2.1:1") == 1s); // never less
    clock.advance(2s);
    CHECK_FALSE(ask("u", "right"));
    for (int i = 0; i < 3; ++i) CHECK(ask("u", "wrong" + std::to_string(i)) == errc::wrong_credentials); // free again
}

TEST_CASE_METHOD(fixture, "login guard: a device that comes back as before frees no guesses at its user") {
    CHECK_FALSE(ask("u", "right"));
    for (int i = 0; i < 4; ++i) CHECK(ask("u", "wrong" + std::to_string(i)) == errc::wrong_credentials);
    for (int round = 0; round < 5; ++round) {
        clock.advance(5min + 1s); // no longer fresh, still known
        const auto asked = inner.asked;
        for (int i = 0; i < 8; ++i) (void)ask("u", "guess" + std::to_string(round) + std::to_string(i));
        const auto guesses = inner.asked - asked;
        CHECK_FALSE(ask("u", "right"));
        CHECK(inner.asked == asked + guesses + 1); // it was checked
        CHECK(ask("u", "one more" + std::to_string(round)) == errc::throttled);
    }
}

TEST_CASE_METHOD(fixture, "login guard: the same wrong password again counts for its user, not for the address") {
    CHECK(ask("expired", "old") == errc::wrong_credentials);
    for (int i = 0; i < 1000; ++i) {
        clock.advance(7s); // beyond the time for which a wrong answer is given again
        const auto got = ask("expired", "old");
        CHECK((got == errc::wrong_credentials || got == errc::throttled));
    }
    CHECK(guard->throttled() > 500);
    CHECK_FALSE(ask("new", "right")); // the neighbour behind the same address
    for (int i = 0; i < 9; ++i) (void)ask("name" + std::to_string(i), "guess");
    CHECK(ask("newer", "right") == errc::throttled); // guesses do count
    CHECK_FALSE(ask("new", "right"));                // not for who was let in
}

TEST_CASE_METHOD(fixture, "login guard: wrong passwords without end do not push right ones out of memory") {
    CHECK_FALSE(ask("u", "right"));
    const auto asked = inner.asked;
    for (int i = 0; i < 20'000; ++i) {
        // From everywhere, so that the throttle lets them pass.
        (void)ask("x" + std::to_string(i), "wrong", "10." + std::to_string(i / 250) + ".0." + std::to_string(i % 250));
    }
    CHECK(inner.asked == asked + 20'000);
    CHECK_FALSE(ask("u", "right"));
    CHECK(inner.asked == asked + 20'000);
}

TEST_CASE_METHOD(fixture, "login guard: what nobody can decide counts for nobody") {
    inner.down = true;
    for (int i = 0; i < 100; ++i) CHECK(ask("u", "x") == errc::unavailable);
    CHECK(guard->failures().users() == 0);
    CHECK(guard->failures().addresses() == 0);
}

TEST_CASE_METHOD(fixture, "login guard: names without end of length cost no memory without end") {
    CHECK(ask(std::string(100'000, 'x'), "wrong") == errc::wrong_credentials);
    CHECK(guard->retry_after("t1/" + std::string(100'000, 'x'), "192.0.2.1:1") == 1s);
    CHECK(guard->failures().users() == 1);
}
