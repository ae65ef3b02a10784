#include "common/auth/credential_cache.hpp"

#include "tests/support/manual_clock.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

#include <deque>

using namespace auth;
using namespace std::chrono_literals;

namespace {

/// Keeps the questions until the test answers them.
struct asked_provider final : provider {
    std::deque<std::pair<credentials, verify_callback>> questions;
    std::size_t asked = 0;

    void verify(credentials with, verify_callback done) override {
        ++asked;
        questions.emplace_back(std::move(with), std::move(done));
    }
    void answer() {
        auto [with, done] = std::move(questions.front());
        questions.pop_front();
        if (with.password != "right") return done(errc::wrong_credentials);
        principal who;
        who.tenant = with.tenant;
        who.user = with.user;
        done(std::move(who));
    }
    void fail(errc with) {
        auto question = std::move(questions.front());
        questions.pop_front();
        question.second(with);
    }
};

struct fixture {
    support::manual_clock clock;
    asked_provider inner;
    std::deque<std::function<void()>> posted;
    std::optional<credential_cache> cache;
    std::vector<core::result<principal>> answers;

    explicit fixture(credential_cache::options with = {}) {
        cache.emplace(inner, clock, [this](std::function<void()> job) { posted.push_back(std::move(job)); }, with);
    }
    static credentials of(const char* user, const char* password) { return {core::tenant_id{"t"}, user, password}; }
    void ask(const char* user, const char* password) {
        cache->verify(of(user, password), [this](core::result<principal> got) { answers.push_back(std::move(got)); });
    }
    void run() {
        while (!posted.empty()) {
            auto job = std::move(posted.front());
            posted.pop_front();
            job();
        }
    }
    void learn(const char* user, const char* password) {
        ask(user, password);
        inner.answer();
        answers.clear();
    }
};

} // namespace

TEST_CASE("credential cache: the second time is remembered, for a while", "[auth]") {
    fixture test;
    CHECK_FALSE(test.cache->lookup(fixture::of("u", "right")));
    test.learn("u", "right");
    test.clock.advance(5min - 1ms);
    REQUIRE(test.cache->lookup(fixture::of("u", "right")));
    test.ask("u", "right");
    CHECK(test.answers.empty()); // never inside verify
    test.run();
    REQUIRE(test.answers.size() == 1);
    CHECK(test.answers[0]->user == "u");
    CHECK(test.inner.asked == 1);
    test.clock.advance(1ms);
    CHECK_FALSE(test.cache->lookup(fixture::of("u", "right")));
    test.ask("u", "right");
    CHECK(test.inner.asked == 2);
}

TEST_CASE("credential cache: wrong credentials are remembered briefly, failures never", "[auth]") {
    fixture test;
    test.learn("u", "wrong");
    REQUIRE(test.cache->lookup(fixture::of("u", "wrong")));
    CHECK(test.cache->lookup(fixture::of("u", "wrong"))->error() == errc::wrong_credentials);
    CHECK_FALSE(test.cache->lookup(fixture::of("u", "right")));
    test.clock.advance(5s);
    CHECK_FALSE(test.cache->lookup(fixture::of("u", "wrong")));
    test.ask("v", "right");
    test.inner.fail(errc::busy);
    CHECK(test.answers.back().error() == errc::busy);
    CHECK_FALSE(test.cache->known_wrong(fixture::of("v", "right")));
    CHECK(test.cache->remembered() == 1); // that it was wrong is known for longer than it is the answer
    CHECK(test.cache->known_wrong(fixture::of("u", "wrong")));
    test.clock.advance(10min);
    CHECK_FALSE(test.cache->known_wrong(fixture::of("u", "wrong")));
    CHECK(test.cache->remembered() == 0);
}

TEST_CASE("credential cache: while the provider fails, what was right counts on for a while", "[auth]") {
    credential_cache::options with;
    with.stale_lifetime = 24h;
    fixture test(with);
    test.learn("u", "right");
    test.clock.advance(5min);
    CHECK_FALSE(test.cache->lookup(fixture::of("u", "right")));
    CHECK(test.cache->known_good(fixture::of("u", "right")));
    CHECK_FALSE(test.cache->known_good(fixture::of("u", "wrong")));
    const auto failure = GENERATE(errc::unavailable, errc::busy);
    test.ask("u", "right");
    test.ask("u", "wrong");
    test.ask("v", "right");
    for (int i = 0; i < 3; ++i) test.inner.fail(failure);
    REQUIRE(test.answers.size() == 3);
    CHECK(test.answers[0]); // known
    CHECK(test.answers[1].error() == failure);
    CHECK(test.answers[2].error() == failure);
    CHECK(test.cache->counters().served_stale == 1);
    test.clock.advance(24h - 1ms);
    test.ask("u", "right");
    test.inner.fail(failure);
    CHECK(test.answers.back());
    test.clock.advance(1ms);
    CHECK_FALSE(test.cache->known_good(fixture::of("u", "right")));
    test.ask("u", "right");
    test.inner.fail(failure);
    CHECK(test.answers.back().error() == failure);
}

TEST_CASE("credential cache: a provider that answers ends what counted on", "[auth]") {
    credential_cache::options with;
    with.stale_lifetime = 24h;
    fixture test(with);
    test.learn("u", "right");
    test.clock.advance(6min);
    test.ask("u", "right");
    auto question = std::move(test.inner.questions.front());
    test.inner.questions.pop_front();
    question.second(errc::wrong_credentials); // the password was changed meanwhile
    CHECK(test.answers.back().error() == errc::wrong_credentials);
    CHECK_FALSE(test.cache->known_good(fixture::of("u", "right")));
    test.clock.advance(6s);
    test.ask("u", "right");
    test.inner.fail(errc::unavailable);
    CHECK(test.answers.back().error() == errc::unavailable);
}

TEST_CASE("credential cache: used late in its life a right answer is asked again in the background", "[auth]") {
    credential_cache::options with;
    with.refresh_before = 100s;
    fixture test(with);
    test.learn("u", "right");
    test.clock.advance(199s);
    CHECK(test.cache->lookup(fixture::of("u", "right")));
    CHECK(test.inner.asked == 1);
    test.clock.advance(2s);
    for (int i = 0; i < 3; ++i) CHECK(test.cache->lookup(fixture::of("u", "right"))); // nobody waits
    CHECK(test.inner.asked == 2);
    CHECK(test.cache->asking(fixture::of("u", "right")));
    test.inner.answer();
    CHECK(test.cache->counters().refreshed == 1);
    test.clock.advance(199s); // beyond the first lifetime
    CHECK(test.cache->lookup(fixture::of("u", "right")));
    CHECK(test.inner.asked == 2);
    test.clock.advance(2s);
    CHECK(test.cache->lookup(fixture::of("u", "right")));
    test.clock.advance(100s); // ran out before the answer came: who asks now joins
    test.ask("u", "right");
    CHECK(test.inner.asked == 3);
    test.inner.answer();
    REQUIRE(test.answers.size() == 1);
    CHECK(test.answers[0]);
}

TEST_CASE("credential cache: wrong answers and failures of a refresh", "[auth]") {
    credential_cache::options with;
    with.refresh_before = 100s;
    fixture test(with);
    test.learn("u", "right");
    test.clock.advance(201s);
    CHECK(test.cache->lookup(fixture::of("u", "right")));
    test.inner.fail(errc::unavailable);
    CHECK(test.cache->lookup(fixture::of("u", "right"))); // still young enough; asks again
    CHECK(test.inner.asked == 3);
    test.inner.fail(errc::wrong_credentials);
    CHECK(test.cache->lookup(fixture::of("u", "right"))->error() == errc::wrong_credentials);
    test.clock.advance(4s);
    CHECK(test.inner.asked == 3); // wrong ones are never refreshed
}

TEST_CASE("credential cache: equal questions at once are one", "[auth]") {
    fixture test;
    for (int i = 0; i < 3; ++i) test.ask("u", "right");
    test.ask("u", "wrong");
    CHECK(test.inner.asked == 2);
    test.inner.answer();
    REQUIRE(test.answers.size() == 3);
    for (const auto& answer : test.answers) CHECK(answer);
    test.inner.answer();
    CHECK(test.answers.back().error() == errc::wrong_credentials);
}

TEST_CASE("credential cache: tenant, user and password cannot flow into each other", "[auth]") {
    fixture test;
    test.learn("ab", "right");
    credentials shifted{core::tenant_id{"ta"}, "b", "right"};
    CHECK_FALSE(test.cache->lookup(shifted));
    credentials other{core::tenant_id{"t"}, "abr", "ight"};
    CHECK_FALSE(test.cache->lookup(other));
}

TEST_CASE("credential cache: the least recently used goes first", "[auth]") {
    credential_cache::options with;
    with.remembered_max = 2;
    fixture test(with);
    test.learn("a", "right");
    test.learn("b", "right");
    CHECK(test.cache->lookup(fixture::of("a", "right")));
    test.learn("c", "right");
    CHECK(test.cache->remembered() == 2);
    CHECK(test.cache->lookup(fixture::of("a", "right")));
    CHECK_FALSE(test.cache->lookup(fixture::of("b", "right")));
}

TEST_CASE("credential cache: wrong ones are bounded and do not push out right ones", "[auth]") {
    credential_cache::options with;
    with.remembered_max = 2;
    with.wrong_max = 3;
    fixture test(with);
    test.learn("a", "right");
    test.learn("b", "right");
    for (int i = 0; i < 50; ++i) test.learn("a", ("wrong" + std::to_string(i)).c_str());
    CHECK(test.cache->remembered() == 5);
    CHECK(test.cache->lookup(fixture::of("a", "right")));
    CHECK(test.cache->lookup(fixture::of("b", "right")));
    CHECK(test.cache->lookup(fixture::of("a", "wrong49")));
    CHECK_FALSE(test.cache->lookup(fixture::of("a", "wrong46")));
}

TEST_CASE("credential cache: waiting calls are bounded", "[auth]") {
    credential_cache::options with;
    with.waiting_max = 2;
    fixture test(with);
    for (int i = 0; i < 3; ++i) test.ask("u", "right");
    test.run();
    REQUIRE(test.answers.size() == 1);
    CHECK(test.answers[0].error() == errc::busy);
    test.inner.answer();
    CHECK(test.answers.size() == 3);
    test.ask("v", "right");
    test.inner.answer();
    CHECK(test.answers.back());
}

TEST_CASE("credential cache: a reload forgets, also what is under way", "[auth]") {
    fixture test;
    test.learn("u", "right");
    test.ask("v", "right");
    test.cache->invalidate();
    CHECK(test.cache->remembered() == 0);
    test.ask("v", "right"); // not joined to the question before the reload
    CHECK(test.inner.asked == 3);
    test.inner.answer();
    CHECK(test.answers.size() == 1);
    CHECK(test.cache->remembered() == 0);
    test.inner.answer();
    CHECK(test.answers.size() == 2);
    CHECK(test.cache->remembered() == 1);
}

TEST_CASE("credential cache: an answer may come after its end", "[auth]") {
    fixture test;
    test.ask("u", "right");
    test.cache.reset();
    test.inner.answer();
    CHECK(test.answers.empty());
}

TEST_CASE("credential cache: a callback may ask again or end the cache", "[auth]") {
    fixture test;
    test.cache->verify(fixture::of("u", "right"), [&](const core::result<principal>&) { test.cache.reset(); });
    test.inner.answer();
    CHECK_FALSE(test.cache);
}
