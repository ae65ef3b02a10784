// The route table, and that openapi.json says the same.
#include "messaging/admin/routes.hpp"

#include <catch2/catch.hpp>
#include <simdjson.h>

#include <algorithm>
#include <set>
#include <string>

using namespace messaging::admin;

TEST_CASE("routes: segments are split before they are decoded", "[admin]") {
    const auto found = match_route("GET", "/management/tenants/t0815/topics/mqtt/a%2Fb%20c/messages?limit=1");
    REQUIRE(found.entry != nullptr);
    CHECK(found.entry->pattern == "/tenants/{tenant}/topics/{namespace}/{topic}/messages");
    CHECK(found.parts == std::vector<std::string>{"t0815", "mqtt", "a/b c"});
    CHECK(match_route("GET", "http://host:1/management/server").entry != nullptr);
    CHECK(match_route("GET", "/management/tenants/").entry != nullptr);
}

TEST_CASE("routes: what is no path finds nothing, another method tells the right ones", "[admin]") {
    for (const auto* target :
         {"/management", "/management/", "/management/x", "/management/tenants/t/topics/mqtt", "/managementx/server",
          "/management/tenants//topics", "/management/tenants/t/topics/mqtt/a/b", "/management/tenants/%zz",
          "http://host", "*", ""}) {
        INFO(target);
        const auto found = match_route("GET", target);
        CHECK(found.entry == nullptr);
        CHECK(found.allowed.empty());
    }
    const auto found = match_route("PATCH", "/management/tenants/t/limits");
    CHECK(found.entry == nullptr);
    CHECK(found.allowed == "GET, PUT, DELETE");
}

TEST_CASE("routes: openapi.json documents every route and no other", "[admin]") {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    const auto text = openapi_document();
    REQUIRE(parser.parse(text.data(), text.size()).get(document) == simdjson::SUCCESS);
    std::set<std::string> documented;
    simdjson::dom::object paths;
    REQUIRE(document["paths"].get(paths) == simdjson::SUCCESS);
    for (const auto& [path, operations] : paths) {
        if (!path.starts_with(base_path)) continue;
        simdjson::dom::object methods;
        REQUIRE(operations.get(methods) == simdjson::SUCCESS);
        for (const auto& [method, operation] : methods) {
            if (method == "parameters") continue;
            std::string verb(method);
            std::transform(verb.begin(), verb.end(), verb.begin(), [](char c) { return static_cast<char>(c - 32); });
            documented.insert(verb + " " + std::string(path.substr(base_path.size())));
            // Who may: what the table asks is what the text says.
            const auto* entry = std::find_if(route_table().begin(), route_table().end(), [&](const route_entry& one) {
                                    return one.method == verb && one.pattern == path.substr(base_path.size());
                                }).base();
            REQUIRE(entry != route_table().data() + route_table().size());
            std::string_view description;
            REQUIRE(operation["description"].get(description) == simdjson::SUCCESS);
            INFO(verb << " " << path);
            const bool operators = entry->asks == need::operate || entry->asks == need::oversee;
            const bool change = entry->asks == need::operate || entry->asks == need::change;
            CHECK(description.starts_with("Operators only") == operators);
            CHECK((description.find("ROLE_TENANT_STATISTICS_READ") == description.npos) == change);
        }
    }
    std::set<std::string> made;
    for (const auto& one : route_table()) made.insert(std::string(one.method) + " " + std::string(one.pattern));
    CHECK(documented == made);
}
