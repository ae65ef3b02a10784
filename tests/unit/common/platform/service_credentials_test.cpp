#include "common/platform/service_credentials.hpp"

#include "tests/support/fake_platform.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <catch2/catch.hpp>

using platform::service_credentials;

namespace {

struct fixture {
    support::fake_platform platform;

    /// What `refresh` resolves to when the platform answers so.
    bool refresh(service_credentials& of, unsigned status, const std::string& body) {
        platform.serve = [&](const auto& request) {
            CHECK(request.who.user == "bootstrap");
            CHECK(request.what.path == "/application/currentApplication/subscriptions");
            return std::optional(support::fake_platform::reply(status, body));
        };
        bool result = false;
        boost::asio::co_spawn(platform.loop, of.refresh(),
                              [&](const std::exception_ptr&, bool good) { result = good; });
        platform.run();
        return result;
    }
};

} // namespace

TEST_CASE_METHOD(fixture, "service credentials: a fixed list needs nobody") {
    service_credentials of({{"t1", "u1", "p1"}, {"t2", "u2", "p2"}});
    CHECK(of.complete());
    CHECK_FALSE(of.can_refresh());
    REQUIRE(of.find("t1") != nullptr);
    CHECK(of.find("t1")->password == "p1");
    CHECK(of.find("t3") == nullptr);
    CHECK(of.tenants() == std::vector<std::string>{"t1", "t2"});
}

TEST_CASE_METHOD(fixture, "service credentials: subscriptions come and go, the last known stay", "[ref-E.4]") {
    service_credentials of({{"t1", "fixed", "p"}}, platform.as({"management", "bootstrap", "x"}));
    CHECK_FALSE(of.complete());
    CHECK_FALSE(refresh(of, 503, ""));
    CHECK_FALSE(of.complete());
    CHECK(refresh(of, 200,
                  R"({"users":[{"tenant":"t1","name":"service","password":"a"},)"
                  R"({"tenant":"t2","name":"service","password":"b"}]})"));
    CHECK(of.complete());
    CHECK(of.find("t1")->user == "fixed");
    CHECK(of.find("t2")->password == "b");
    CHECK(of.tenants() == std::vector<std::string>{"t1", "t2"});
    for (const char* bad : {"", "{}", R"({"users":7})", R"({"users":[{"tenant":"t9"}]})", R"({"users":[7]})"}) {
        INFO(bad);
        CHECK_FALSE(refresh(of, 200, bad));
        CHECK(of.find("t2") != nullptr);
    }
    CHECK(refresh(of, 200, R"({"users":[]})"));
    CHECK(of.find("t2") == nullptr);
    CHECK(of.find("t1") != nullptr);
}
