#include "common/auth/platform_trust.hpp"

#include "common/core/json_writer.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/unit/common/auth/make_certificate.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace auth;
using namespace std::chrono_literals;

namespace {

make::issued make_ca(const char* name) {
    make::options with;
    with.common_name = name;
    with.authority = true;
    with.to_s = make::now_s + 30 * 86'400;
    return make::certificate(with);
}

make::issued make_device(const make::issued& ca, const char* name = "dev-7") {
    make::options with;
    with.common_name = name;
    with.to_s = make::now_s + 30 * 86'400;
    return make::certificate(with, &ca);
}

/// A platform with tenants, each with one trusted certificate, behind the door of fake_platform.
struct fixture {
    struct tenant {
        std::string pem;
        std::string status = "ENABLED";
        std::optional<bool> proven;
        bool crl_on = false;
        std::string crl;
    };

    support::manual_clock clock;
    support::fake_platform platform;
    std::map<std::string, tenant> tenants;
    std::vector<std::string> subscribed;
    bool down = false;
    std::optional<platform_trust> trust;
    std::vector<core::result<judged_chain>> answers;
    int changes = 0;
    std::string last_changed;
    make::issued ca = make_ca("plant");
    std::vector<std::string> chain{make_device(ca).der};

    explicit fixture(std::vector<platform::credentials> fixed = {{"t0815", "service", "x"}}, bool bootstrap = false,
                     platform_trust::options with = {}) {
        tenants["t0815"].pem = ca.pem;
        platform.serve = [this](const auto& request) { return serve(request); };
        auto who = std::make_unique<platform::service_credentials>(
            std::move(fixed), bootstrap ? platform.as({"management", "bootstrap", "y"}) : nullptr);
        trust.emplace(platform.loop.get_executor(), platform.factory(), std::move(who), clock, with);
        trust->on_change([this](const core::tenant_id& whose) {
            ++changes;
            last_changed = whose.value;
        });
    }
    ~fixture() {
        trust.reset();
        platform.run();
    }

    std::optional<platform::reply> serve(const support::fake_platform::request& request) {
        using support::fake_platform;
        if (down) return fake_platform::reply(503);
        const auto& path = request.what.path;
        if (path == "/application/currentApplication/subscriptions") {
            std::string users;
            for (const auto& one : subscribed)
                users +=
                    (users.empty() ? "" : ",") + (R"({"tenant":")" + one + R"(","name":"service","password":"p"})");
            return fake_platform::reply(200, R"({"users":[)" + users + "]}");
        }
        const auto found = tenants.find(request.who.tenant);
        if (found == tenants.end()) return fake_platform::reply(401);
        if (path.starts_with("/tenant/tenants/" + request.who.tenant + "/trusted-certificates?"))
            return fake_platform::reply(200, certificates(found->second));
        if (path == "/tenant/options/configuration/crl.offline.check.enabled")
            return found->second.crl_on ? fake_platform::reply(200, R"({"value":"true"})") : fake_platform::reply(404);
        if (path == "/tenant/trusted-certificates/settings/crl")
            return found->second.crl.empty() ? fake_platform::reply(500) : fake_platform::reply(200, found->second.crl);
        return fake_platform::reply(404);
    }

    static std::string certificates(const tenant& of) {
        core::json_writer json;
        json.object().key("certificates").array();
        if (!of.pem.empty()) {
            json.object().member("name", "plant-ca").member("status", of.status);
            if (of.proven) json.member("proofOfPossessionValid", *of.proven);
            json.member("autoRegistrationEnabled", true).member("certInPemFormat", of.pem).end();
        }
        json.end().end();
        return std::move(json).text();
    }

    void judge(const char* named, const std::vector<std::string>& what) {
        trust->judge(core::tenant_id{named}, what,
                     [this](core::result<judged_chain> got) { answers.push_back(std::move(got)); });
    }
    /// The answer to a login, after all that it started.
    core::error_code login(const char* named = "t0815") {
        const auto before = answers.size();
        judge(named, chain);
        platform.run();
        REQUIRE(answers.size() == before + 1);
        return answers.back() ? core::error_code{} : answers.back().error();
    }
    void round() {
        trust->refresh();
        platform.run();
    }
};

} // namespace

TEST_CASE("platform trust: a tenant's certificates are fetched when first needed, once", "[auth][ref-F.3]") {
    fixture test;
    CHECK(test.platform.requests == 0);
    test.judge("t0815", test.chain);
    test.judge("t0815", test.chain);
    CHECK(test.answers.empty());
    test.platform.run();
    REQUIRE(test.answers.size() == 2);
    REQUIRE(test.answers[0]);
    CHECK(test.answers[0]->tenant == core::tenant_id{"t0815"});
    CHECK(test.answers[0]->device.common_name == "dev-7");
    CHECK(test.platform.requests == 2); // certificates, and the option of the revocation list
    CHECK_FALSE(test.login());
    CHECK(test.platform.requests == 2);
    CHECK(test.login("t4711") == errc::no_service_user); // no user there: nothing to ask with
    CHECK(test.platform.requests == 2);
}

TEST_CASE("platform trust: what is withdrawn ends in the next round", "[auth][ref-F.3][ref-F.5]") {
    fixture test;
    test.trust->start();
    test.platform.run();
    CHECK(test.trust->anchors() == 1);
    CHECK_FALSE(test.login());
    const auto device = test.answers.back()->device;
    const auto before = test.changes;
    const core::tenant_id tenant{"t0815"};
    test.round();
    CHECK(test.changes == before); // nothing new, nobody is bothered
    auto& there = test.tenants["t0815"];
    SECTION("disabled") {
        there.status = "DISABLED";
        test.round();
        CHECK(test.trust->still_trusted(tenant, device).error() == errc::anchor_disabled);
        CHECK(test.login() == errc::anchor_disabled);
    }
    SECTION("deleted") {
        there.pem.clear();
        test.round();
        CHECK(test.trust->still_trusted(tenant, device).error() == errc::not_trusted);
        CHECK(test.login() == errc::not_trusted);
    }
    SECTION("revoked") {
        there.crl_on = true;
        there.crl = make::revocation_list(make_ca("the platform"), {device.numbers[0].serial});
        test.round();
        CHECK(test.trust->still_trusted(tenant, device).error() == errc::revoked);
        CHECK(test.login() == errc::revoked);
    }
    CHECK(test.changes == before + 1);
}

TEST_CASE("platform trust: the last known certificates count while the platform is down", "[auth]") {
    fixture test;
    test.trust->start();
    test.platform.run();
    test.down = true;
    test.round();
    CHECK(test.trust->counters().failed == 1);
    CHECK_FALSE(test.login());
    test.clock.advance(24h + 65s + 1ms); // not for ever: from when it should have been fetched again
    CHECK(test.login() == errc::unavailable);
    CHECK(test.login() == errc::unavailable);
    const auto asked = test.platform.requests;
    test.down = false;
    CHECK(test.login() == errc::unavailable); // asked again no sooner than after a while
    CHECK(test.platform.requests == asked);
    test.clock.advance(5s);
    CHECK_FALSE(test.login());
}

TEST_CASE("platform trust: a list that must be read and cannot be keeps everybody out", "[auth][ref-F.5]") {
    fixture test;
    test.tenants["t0815"].crl_on = true;
    CHECK(test.login() == errc::unavailable);
    test.clock.advance(5s);
    test.tenants["t0815"].crl = "rubbish";
    CHECK(test.login() == errc::unavailable);
    test.clock.advance(5s);
    test.tenants["t0815"].crl = make::revocation_list(test.ca, {});
    CHECK_FALSE(test.login());
}

TEST_CASE("platform trust: the chain tells the tenant, once all are known", "[auth][ref-A.4]") {
    fixture test({{"t0815", "service", "x"}, {"t4711", "service", "x"}});
    test.tenants["t4711"].pem = make_ca("another").pem;
    CHECK(test.login("") == errc::unavailable); // before the first round
    CHECK_FALSE(test.login("t0815"));
    CHECK(test.login("") == errc::unavailable); // one is known, but not whether the other trusts the same authority
    test.trust->start();
    test.platform.run();
    CHECK_FALSE(test.login(""));
    CHECK(test.answers.back()->tenant == core::tenant_id{"t0815"});
    test.chain = {make_device(make_ca("stranger")).der};
    CHECK(test.login("") == errc::not_trusted);
    test.tenants["t4711"].pem = test.ca.pem;
    test.round();
    test.chain = {make_device(test.ca).der};
    CHECK(test.login("") == errc::ambiguous_tenant);
    CHECK_FALSE(test.login("t0815"));
    CHECK(test.last_changed == "t4711"); // and nobody else is bothered
    // Who has proven to own the authority wins over who has only uploaded it.
    test.tenants["t4711"].proven = false;
    test.tenants["t0815"].proven = true;
    test.round();
    CHECK(test.last_changed == "t0815");
    CHECK_FALSE(test.login(""));
    CHECK(test.answers.back()->tenant == core::tenant_id{"t0815"});
    CHECK_FALSE(test.login("t4711")); // a client that names its tenant says more than the anchor does
    test.tenants["t4711"].proven = true;
    test.round();
    CHECK(test.login("") == errc::ambiguous_tenant);
    test.tenants["t0815"].status = "DISABLED";
    test.round();
    CHECK_FALSE(test.login(""));
    CHECK(test.answers.back()->tenant == core::tenant_id{"t4711"});
}

TEST_CASE("platform trust: a round asks for a few tenants at a time, and for all of them", "[auth]") {
    std::vector<platform::credentials> fixed;
    for (int i = 0; i < 10; ++i) fixed.push_back({"t" + std::to_string(i), "service", "x"});
    platform_trust::options with;
    with.round_concurrent_max = 3;
    fixture test(fixed, false, with);
    test.platform.serve = {};
    test.trust->start();
    test.platform.run();
    CHECK(test.platform.asked.size() == 3);
    test.platform.answer(503);
    test.platform.run();
    CHECK(test.platform.asked.size() == 3); // the next took its place
    std::size_t answered = 1;
    while (!test.platform.asked.empty()) {
        CHECK(test.platform.asked.size() <= 3);
        test.platform.answer(503);
        test.platform.run();
        ++answered;
    }
    CHECK(answered == 10);
    CHECK(test.trust->counters().failed == 10);
    test.trust->refresh();
    test.platform.run();
    CHECK(test.platform.asked.size() == 3); // the next round began
    while (!test.platform.asked.empty()) {
        test.platform.answer(503);
        test.platform.run();
    }
    CHECK(test.trust->counters().failed == 20);
}

TEST_CASE("platform trust: tenants come and go with their subscriptions", "[auth][ref-E.4]") {
    fixture test({}, true);
    CHECK(test.login() == errc::no_service_user); // the list was read for it, and it is not on it
    test.subscribed = {"t0815"};
    CHECK(test.login() == errc::no_service_user); // not read again at once
    test.clock.advance(5s);
    CHECK_FALSE(test.login());
    const auto device = test.answers.back()->device;
    test.trust->start();
    test.platform.run();
    CHECK(test.trust->still_trusted(core::tenant_id{"t0815"}, device));
    test.subscribed.clear();
    test.down = true;
    test.round();
    CHECK(test.trust->still_trusted(core::tenant_id{"t0815"}, device)); // nobody said that it is gone
    test.down = false;
    const auto before = test.changes;
    test.round();
    CHECK(test.trust->still_trusted(core::tenant_id{"t0815"}, device).error() == errc::not_trusted);
    CHECK(test.changes == before + 1);
    CHECK(test.trust->tenants() == 0);
}

TEST_CASE("platform trust: strangers' tenant names cost one question in a while", "[auth]") {
    fixture test({}, true);
    for (int i = 0; i < 100; ++i) test.judge(("t" + std::to_string(i)).c_str(), test.chain);
    test.platform.run();
    CHECK(test.platform.requests == 1);
    CHECK(test.answers.size() == 100);
    CHECK(test.trust->tenants() == 0);
}

TEST_CASE("platform trust: first fetches at a time and logins that wait are bounded", "[auth]") {
    std::vector<platform::credentials> fixed;
    for (int i = 0; i < 6; ++i) fixed.push_back({"t" + std::to_string(i), "service", "x"});
    platform_trust::options with;
    with.concurrent_max = 2;
    with.waiting_max = 5;
    fixture test(fixed, false, with);
    test.platform.serve = {};
    for (int i = 0; i < 6; ++i) test.judge(("t" + std::to_string(i)).c_str(), test.chain);
    REQUIRE(test.answers.size() == 1);
    CHECK(test.answers[0].error() == errc::busy);
    test.platform.run();
    CHECK(test.platform.asked.size() == 2);
    test.platform.answer(503);
    CHECK(test.answers.size() == 2);
    CHECK(test.answers[1].error() == errc::unavailable);
    CHECK(test.platform.asked.size() == 2); // the next took its place
    while (!test.platform.asked.empty()) test.platform.answer(503);
    CHECK(test.answers.size() == 6);
}
