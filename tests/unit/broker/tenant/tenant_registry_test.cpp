#include "broker/tenant/tenant_registry.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace broker::tenant;

TEST_CASE("tenant registry: a tenant appears on first use and is forgotten when nobody holds it", "[tenant]") {
    tenant_registry tenants({}, [](std::string_view) { return nullptr; });
    {
        const auto one = tenants.find_or_make("t1");
        CHECK(one->id() == "t1");
        CHECK(tenants.find_or_make("t1") == one);
        CHECK(tenants.find_or_make("t2") != one);
        tenants.sweep();
        CHECK(tenants.size() == 1);
        CHECK(one->admit("c1", {}) == broker::session::cause::none);
        CHECK(one->connections() == 1);
        one->leave("c1");
    }
    tenants.sweep();
    CHECK(tenants.size() == 0);
}

TEST_CASE("tenant registry: who only asks gets no place", "[tenant]") {
    auth::tenant_options ga;
    ga.profile = "ga";
    tenant_registry tenants({}, [&](std::string_view id) { return id == "t1" ? &ga : nullptr; });
    CHECK(tenants.settings_of("t1")->certificate_names_client);
    CHECK_FALSE(tenants.settings_of("t2")->certificate_names_client);
    CHECK(tenants.size() == 0);
    const auto held = tenants.find_or_make("t1");
    CHECK(tenants.settings_of("t1") == held->settings());
}

TEST_CASE("tenant registry: a reload is for whoever comes next", "[tenant]") {
    std::map<std::string, auth::tenant_options, std::less<>> known;
    tenant_registry tenants({}, [&](std::string_view id) -> const auth::tenant_options* {
        const auto found = known.find(id);
        return found == known.end() ? nullptr : &found->second;
    });
    const auto one = tenants.find_or_make("t1");
    const auto before = one->settings();
    known["t1"].profile = "ga";
    CHECK(one->settings() == before);
    tenants.reload();
    CHECK(before->profile == "preview");
    CHECK(one->settings()->profile == "ga");
    CHECK(tenants.find_or_make("t2")->settings()->profile == "preview");
}
