// The stand-in without sockets: requests as one line, answers as JSON.
#pragma once

#include "common/net/encoding.hpp"
#include "tests/platform/routes/platform.hpp"
#include "tests/support/manual_clock.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

namespace platform_sim::test {

namespace json = model::json;
using headers = std::vector<std::pair<std::string, std::string>>;

struct reply {
    unsigned status = 0;
    std::string body;
    std::string location;
    std::string content_type;
    net::http_headers headers;

    json::value json() const {
        boost::system::error_code failed;
        auto value = json::parse(body, failed);
        INFO("body: " << body);
        REQUIRE(!failed);
        return value;
    }
    std::string text(const char* path) const {
        const auto value = json();
        const auto* found = model::find_path(value.get_object(), path);
        if (found == nullptr) return "(absent)";
        if (found->is_string()) return std::string(found->get_string());
        std::string out;
        model::append_json(out, *found);
        return out;
    }
    std::size_t count(const char* member) const { return json().at(member).as_array().size(); }
};

class simulation {
  public:
    simulation() : simulation(model::store_limits{}) {}
    explicit simulation(model::store_limits limits, model::fault_settings faults = {})
        : platform(settings(limits, faults), clock) {}

    reply send(std::string method, std::string target, std::string body = {}, const headers& extra = {}) {
        auto answer = platform.handle(request(std::move(method), std::move(target), std::move(body), extra));
        reply made;
        made.status = answer.status;
        made.body = std::move(answer.body);
        made.location = answer.headers.get("Location");
        made.content_type = answer.content_type;
        made.headers = std::move(answer.headers);
        return made;
    }
    net::http_request request(std::string method, std::string target, std::string body, const headers& extra) const {
        net::http_request made;
        made.method = std::move(method);
        made.target = std::move(target);
        REQUIRE(net::parse_target(made.target, made));
        made.body = std::move(body);
        made.headers.set("Host", "sim.example.com");
        made.headers.set("Accept", "application/json");
        made.headers.set("Content-Type", "application/json");
        made.headers.set("Authorization", net::basic_authorization(user, password));
        for (const auto& [name, value] : extra) {
            if (value.empty())
                made.headers = without(made.headers, name);
            else
                made.headers.set(name, value);
        }
        return made;
    }
    /// A managed object of the current user; its ID.
    std::string device(const std::string& name = "dev") {
        const auto made = send("POST", "/inventory/managedObjects", R"({"name":")" + name + R"(","c8y_IsDevice":{}})");
        REQUIRE(made.status == 201);
        return made.text("id");
    }
    void as(std::string who, std::string secret) {
        user = std::move(who);
        password = std::move(secret);
    }
    void as_admin() { as("t0815/admin", "admin-secret"); }
    void as_device() { as("t0815/device1", "device1-secret"); }
    void as_bootstrap() { as("management/devicebootstrap", "bootstrap-secret"); }
    void as_reader() { as("t0815/reader", "reader-secret"); }
    /// A user made for this test.
    void as_new(const std::string& tenant, const std::string& name, const std::string& roles = {}) {
        REQUIRE(platform.all().accounts.add(tenant + "/" + name + ":secret"));
        if (!roles.empty()) REQUIRE(platform.all().accounts.set_roles(tenant + "/" + name + "=" + roles));
        as(tenant + "/" + name, "secret");
    }

    support::manual_clock clock;
    routes::platform platform;
    std::string user = "t0815/admin";
    std::string password = "admin-secret";

  private:
    static routes::platform_settings settings(model::store_limits limits, model::fault_settings faults) {
        routes::platform_settings with;
        for (const auto one : {"t0815/admin:admin-secret", "t0815/device1:device1-secret", "t0816/admin:other-secret",
                               "t0815/reader:reader-secret"})
            REQUIRE(with.accounts.add(one));
        with.accounts.add_bootstrap("bootstrap-secret");
        REQUIRE(with.accounts.set_roles("t0815/reader=ROLE_INVENTORY_READ,ROLE_MEASUREMENT_READ"));
        with.limits = limits;
        with.faults = faults;
        return with;
    }
    static net::http_headers without(const net::http_headers& from, const std::string& name) {
        net::http_headers kept;
        for (const auto& [key, value] : from.entries())
            if (key != name) kept.add(key, value);
        return kept;
    }
};

/// Status and `error` of the platform's error body, which must be complete (ref D.1).
inline void check_error(const reply& got, unsigned status, const std::string& error) {
    INFO("body: " << got.body);
    CHECK(got.status == status);
    CHECK(got.text("error") == error);
    CHECK(got.text("message") != "(absent)");
    CHECK(got.text("info") == "https://www.cumulocity.com/guides/reference-guide/#error_reporting");
}

} // namespace platform_sim::test
