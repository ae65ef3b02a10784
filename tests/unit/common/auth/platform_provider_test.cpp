#include "common/auth/platform_provider.hpp"

#include "tests/support/fake_platform.hpp"
#include "tests/support/manual_clock.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

using namespace auth;
using namespace std::chrono_literals;

namespace {

const char* const device =
    R"({"id":"device1","userName":"device1","effectiveRoles":[{"name":"ROLE_A"},{"id":"ROLE_B"}]})";

struct fixture {
    support::manual_clock clock;
    support::fake_platform platform;
    std::optional<platform_provider> provider;
    std::vector<core::result<principal>> answers;

    explicit fixture(platform_provider::options with = {}) {
        provider.emplace(platform.loop.get_executor(), platform.factory(), clock, with);
    }
    ~fixture() {
        provider.reset();
        platform.run();
    }
    void ask(const char* user = "device1", const char* tenant = "t0815", const std::string& password = "secret") {
        const auto before = answers.size();
        provider->verify({core::tenant_id{tenant}, user, password},
                         [this](core::result<principal> got) { answers.push_back(std::move(got)); });
        CHECK(answers.size() == before); // never inside verify
        platform.run();
    }
    core::result<principal> last() {
        REQUIRE_FALSE(answers.empty());
        return answers.back();
    }
};

} // namespace

TEST_CASE("platform provider: asks who the device is, as the device", "[auth][ref-E.7]") {
    fixture test;
    test.ask();
    REQUIRE(test.platform.asked.size() == 1);
    const auto& asked = *test.platform.asked.front();
    CHECK(asked.what.method == "GET");
    CHECK(asked.what.path == "/user/currentUser");
    CHECK(asked.who.tenant == "t0815");
    CHECK(asked.who.user == "device1");
    CHECK(asked.who.password == "secret");
    test.platform.answer(200, device);
    REQUIRE(test.last());
    CHECK(test.last()->tenant == core::tenant_id{"t0815"});
    CHECK(test.last()->user == "device1");
    CHECK(test.last()->roles == std::vector<std::string>{"ROLE_A", "ROLE_B"});
    CHECK(test.provider->counters().accepted == 1);
    test.ask("device2", "t9999"); // a tenant nobody ever told us of
    test.platform.answer(200, R"({"userName":"device2"})");
    CHECK(test.last()->tenant == core::tenant_id{"t9999"});
}

TEST_CASE("platform provider: what the platform's answers mean", "[auth][ref-D.1]") {
    fixture test;
    const auto after = [&](unsigned status, const char* body) {
        test.ask();
        test.platform.answer(status, body);
        return test.last() ? core::error_code{} : test.last().error();
    };
    CHECK(after(401, R"({"error":"security/Unauthorized","message":"Bad credentials"})") == errc::wrong_credentials);
    CHECK(after(403, R"({"error":"security/Forbidden"})") == errc::wrong_credentials);
    CHECK(after(200, R"({"userName":"device1","enabled":false})") == errc::wrong_credentials);
    CHECK_FALSE(after(200, device));
    for (const unsigned status : {400U, 413U, 414U, 431U, 400U}) CHECK(after(status, "") == errc::wrong_credentials);
    CHECK_FALSE(test.provider->breaker().open()); // five in a row, and no trouble of the platform's
    for (const unsigned status : {0U, 302U, 404U, 408U, 500U, 502U, 503U}) {
        INFO(status);
        CHECK(after(status, "") == errc::unavailable);
        CHECK_FALSE(after(200, device)); // not in a row
    }
    for (const char* body : {"", "{", "[]", "7", R"({"name":"device1"})", R"({"userName":""})", R"({"userName":7})"}) {
        INFO(body);
        CHECK(after(200, body) == errc::unavailable);
        CHECK_FALSE(after(200, device));
    }
    CHECK(test.provider->counters().failed == 14);
    CHECK(test.provider->counters().wrong == 8);
    CHECK_FALSE(test.provider->breaker().open());
}

TEST_CASE("platform provider: what cannot be sent as Basic credentials is wrong and never asked", "[auth][RFC7617]") {
    fixture test;
    test.ask("device:1"); // t0815/device:1:secret would be user `device`, password `1:secret`
    test.ask("device1", "t0815:x");
    test.ask("device1", "");
    test.ask("", "t0815");
    test.ask("device\n1");
    test.ask("device1", "t/1");
    test.ask("device1", "t0815", std::string("a\0b", 3));
    test.ask("device1", "t0815", std::string(1024, 'x')); // no header would have room for it
    CHECK(test.answers.size() == 8);
    for (const auto& answer : test.answers) CHECK(answer.error() == errc::wrong_credentials);
    CHECK(test.platform.requests == 0);
    test.ask("a/b", "t0815", "with:colon");
    CHECK(test.platform.requests == 1);
}

TEST_CASE("platform provider: requests at a time and logins that wait are bounded", "[auth]") {
    platform_provider::options with;
    with.concurrent_max = 2;
    with.waiting_max = 3;
    fixture test(with);
    for (int i = 0; i < 6; ++i) test.ask();
    CHECK(test.platform.asked.size() == 2);
    CHECK(test.provider->waiting() == 3);
    REQUIRE(test.answers.size() == 1);
    CHECK(test.last().error() == errc::busy);
    test.platform.answer(200, device);
    CHECK(test.platform.asked.size() == 2);
    CHECK(test.provider->waiting() == 2);
    test.clock.advance(11s); // those two have waited too long
    test.platform.answer(200, device);
    CHECK(test.answers.size() == 5);
    CHECK(test.provider->waiting() == 0);
    CHECK(test.last().error() == errc::busy);
    CHECK(test.provider->counters().turned_away == 3);
    test.platform.answer(200, device);
    CHECK(test.last());
    CHECK(test.platform.asked.empty());
}

TEST_CASE("platform provider: a platform in trouble is left alone, then tried once", "[auth]") {
    platform_provider::options with;
    with.concurrent_max = 1;
    fixture test(with);
    for (int i = 0; i < 7; ++i) test.ask();
    for (int i = 0; i < 5; ++i) test.platform.answer(503);
    CHECK(test.provider->breaker().open());
    CHECK(test.answers.size() == 7); // who waited is told at once
    for (const auto& answer : test.answers) CHECK(answer.error() == errc::unavailable);
    CHECK(test.platform.requests == 5);
    test.ask();
    CHECK(test.last().error() == errc::unavailable);
    CHECK(test.platform.requests == 5);
    test.clock.advance(10s);
    test.ask();
    CHECK(test.platform.requests == 6); // the trial
    test.ask();
    CHECK(test.platform.requests == 6);
    test.platform.answer(0);
    CHECK(test.provider->breaker().open());
    test.clock.advance(10s);
    test.ask();
    test.platform.answer(401); // an answer is an answer
    CHECK_FALSE(test.provider->breaker().open());
    test.ask();
    test.platform.answer(200, device);
    CHECK(test.last());
    CHECK(test.provider->counters().not_asked == 4);
}

TEST_CASE("platform provider: 429 is obeyed", "[auth][ref-D.1]") {
    fixture test;
    test.ask();
    test.platform.answer(429, "", 30s);
    CHECK(test.last().error() == errc::unavailable);
    test.clock.advance(29s);
    test.ask();
    CHECK(test.platform.requests == 1);
    test.clock.advance(1s);
    test.ask();
    CHECK(test.platform.requests == 2);
    test.platform.answer(429); // names no time
    test.clock.advance(9s);
    test.ask();
    CHECK(test.platform.requests == 2);
    test.clock.advance(1s);
    test.ask();
    test.platform.answer(429, "", 86'400s); // nobody stays out for a day
    test.clock.advance(60s);
    test.ask();
    CHECK(test.platform.requests == 4);
    CHECK(test.provider->counters().throttled == 3);
}

TEST_CASE("platform provider: calls are dropped when it goes", "[auth]") {
    fixture test;
    test.ask();
    test.ask("device:1");
    const auto known = test.answers.size();
    test.provider->verify({core::tenant_id{"t"}, "bad:one", "x"}, [&](const core::result<principal>&) { FAIL(); });
    test.provider.reset();
    test.platform.answer(200, device);
    CHECK(test.answers.size() == known);
}
