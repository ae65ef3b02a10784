#include "mapper/mapping/mapping_set.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include <unistd.h>

using namespace mapper::mapping;

namespace {

constexpr std::string_view small =
    "mapping: m\nfrom: { topic: \"a/{site}\" }\ndevice: { externalId: \"=payload.sn\" }\nto:\n"
    "  - event: { type: t, text: \"${site} $${x} ${payload.a}\", n: 5, q: \"5\", list: [1, \"=payload.b\"] }\n";

struct directory {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("mapping_set_test_" + std::to_string(::getpid()));
    directory() { std::filesystem::create_directories(path / "t1"); }
    ~directory() { std::filesystem::remove_all(path); }
    void write(const std::string& name, std::string_view text) const { std::ofstream(path / "t1" / name) << text; }
};

} // namespace

TEST_CASE("loader: the examples load without a complaint", "[mapping]") {
    const auto set = load_tenant(EXAMPLES, "t0815");
    for (const auto& one : set.complaints) UNSCOPED_INFO(one.text());
    REQUIRE(set.made != nullptr);
    CHECK(set.made->mappings().size() >= 3);
    CHECK(set.made->outbound().size() == 1);
    CHECK(set.made->find("room-climate") != nullptr);
    CHECK(set.made->index().filters() ==
          std::vector<std::string>{"dev/+/cmd/ack", "site/+/+/env", "tracker/+/position"});
}

TEST_CASE("loader: scalars are literals, expressions or texts with ${}", "[mapping]") {
    const auto loaded = load_mapping(small, "m.yaml", "t1");
    REQUIRE(loaded.made != nullptr);
    const auto& event = loaded.made->uplink->targets[0];
    CHECK(event.type.what == template_node::form::literal);
    CHECK(event.text.what == template_node::form::text);
    CHECK(event.text.pieces[1].literal == " ${x} ");
    CHECK(event.fragments.find("n")->literal == "5");
    CHECK(event.fragments.find("q")->literal == "\"5\"");
    CHECK(event.fragments.find("list")->items[1].what == template_node::form::expression);
}

TEST_CASE("set: one bad file and the whole tenant is refused", "[mapping]") {
    const directory at;
    at.write("a.yaml", small);
    auto set = load_tenant(at.path.string(), "t1");
    REQUIRE(set.made != nullptr);
    const auto before = set.fingerprint;
    at.write("b.yaml", "mapping: b\n");
    set = load_tenant(at.path.string(), "t1");
    CHECK(set.made == nullptr);
    CHECK(set.complaints.size() == 1);
    CHECK(set.fingerprint != before);
    at.write("b.yaml", small);
    set = load_tenant(at.path.string(), "t1");
    REQUIRE(set.complaints.size() == 1);
    CHECK(set.complaints[0].message.starts_with("the name `m` is taken by "));
    CHECK(load_tenant(at.path.string(), "nobody").made->mappings().empty());
    CHECK(tenants_in(at.path.string()) == std::vector<std::string>{"t1"});
}
