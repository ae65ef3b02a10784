#include "common/auth/trust_directory.hpp"

#include "common/auth/tenants_file.hpp"
#include "tests/unit/common/auth/make_certificate.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>

using namespace auth;
using Catch::Contains;

namespace {

trust_anchor anchor(const std::string& name = "plant-ca") {
    make::options with;
    with.common_name = "plant";
    with.authority = true;
    return {name, certificate::from_der(make::certificate(with).der).value(), true, true, {}, {}};
}

struct fixture {
    make::directory in;
    std::string tenants = in.write("tenants.yaml", "tenants:\n  t0815: {}\n");
    trust_directory managed{tenants};
    std::string complaints;
    std::vector<std::string> looked_at;
};

} // namespace

TEST_CASE_METHOD(fixture, "trust directory: what is written is read back", "[auth]") {
    CHECK(managed.load(complaints, looked_at).empty()); // nothing there yet
    auto made = anchor("a \"name\" with \\ and # in it");
    const auto path = managed.write(core::tenant_id{"t0815"}, made).value();
    CHECK(path == in.path + "/trust/t0815/" + made.authority.fingerprint() + ".yaml");
    made.enabled = false;
    made.auto_registration = false;
    CHECK(managed.write(core::tenant_id{"t0815"}, made).value() == path); // replaced
    const auto all = managed.load(complaints, looked_at);
    CHECK(complaints.empty());
    REQUIRE(all.size() == 1);
    CHECK(all[0].first == core::tenant_id{"t0815"});
    CHECK(all[0].second.name == made.name);
    CHECK(all[0].second.authority == made.authority);
    CHECK_FALSE(all[0].second.enabled);
    CHECK_FALSE(all[0].second.auto_registration);
    CHECK(all[0].second.origin == path);
    for (const auto& file : std::filesystem::directory_iterator(in.path + "/trust/t0815"))
        CHECK(file.path().extension() == ".yaml"); // nothing of the writing is left
}

TEST_CASE_METHOD(fixture, "trust directory: a tenant ID stays inside", "[auth]") {
    for (const char* tenant : {"..", ".", "a/b", "t 1", "%41", "täst"}) {
        const auto path = managed.write(core::tenant_id{tenant}, anchor()).value();
        CHECK(std::filesystem::path(path).parent_path().parent_path() == std::filesystem::path(managed.path()));
    }
    std::vector<std::string> found;
    for (const auto& [tenant, one] : managed.load(complaints, looked_at)) found.push_back(tenant.value);
    std::sort(found.begin(), found.end());
    CHECK(found == std::vector<std::string>{"%41", ".", "..", "a/b", "t 1", "täst"});
    CHECK(complaints.empty());
}

TEST_CASE_METHOD(fixture, "trust directory: anchors count beside those of tenants.yaml", "[auth]") {
    const auto made = anchor();
    const auto path = managed.write(core::tenant_id{"t0815"}, made).value();
    REQUIRE(managed.write(core::tenant_id{"gone"}, anchor())); // not in tenants.yaml any more: left out
    auto loaded = load_tenants(tenants);
    INFO(loaded.complaints);
    REQUIRE(loaded.directory);
    const auto anchors = loaded.directory->trust.anchors(core::tenant_id{"t0815"});
    REQUIRE(anchors.size() == 1);
    CHECK(anchors[0].origin == path);
    CHECK(loaded.directory->trust.anchors_count() == 1);
    const auto& files = loaded.directory->files;
    for (const auto& one : {tenants, in.path + "/trust", in.path + "/trust/t0815", path, in.path + "/trust/gone"})
        CHECK(std::count(files.begin(), files.end(), one) == 1);
    in.write("ca.pem", made.authority.pem());
    loaded = load_tenants(in.write("tenants.yaml", "tenants:\n  t0815: { trust_anchors: [ { file: ca.pem } ] }\n"));
    CHECK_THAT(loaded.complaints, Contains(path) && Contains("already an anchor"));
}

TEST_CASE_METHOD(fixture, "trust directory: a damaged file is told by its place and nothing is taken over", "[auth]") {
    const auto made = anchor();
    const auto path = managed.write(core::tenant_id{"t0815"}, made).value();
    const auto complaint = [&](const std::string& name, const std::string& content) {
        in.write("trust/t0815/" + name, content);
        const auto text = load_tenants(tenants).complaints;
        std::filesystem::remove(in.path + "/trust/t0815/" + name);
        return text;
    };
    const auto indented = [&](const std::string& pem) {
        std::string text = "certificate: |\n  ";
        for (const char c : pem) text += c == '\n' ? std::string("\n  ") : std::string(1, c);
        return text + "\n";
    };
    CHECK_THAT(complaint("a.yaml", "{"), Contains("a.yaml"));
    CHECK_THAT(complaint("a.yaml", "name: x\n"), Contains("certificate"));
    CHECK_THAT(complaint("a.yaml", "certificate: hello\n"), Contains("must be one certificate"));
    CHECK_THAT(complaint("a.yaml", indented(made.authority.pem())), Contains("fingerprint"));
    CHECK_THAT(complaint("a.yaml", "enabeld: true\n" + indented(made.authority.pem())), Contains("enabled"));
    make::options leaf;
    leaf.common_name = "leaf";
    CHECK_THAT(complaint("a.yaml", indented(make::certificate(leaf).pem)), Contains("not an authority"));
    CHECK(complaint("notes.txt", "hello").empty());
    std::filesystem::create_directory(in.path + "/trust/%zz");
    CHECK_THAT(load_tenants(tenants).complaints, Contains("not the folder of a tenant"));
}

TEST_CASE_METHOD(fixture, "trust directory: what cannot be written is an error", "[auth]") {
    in.write("trust", "a file where the directory belongs");
    CHECK_FALSE(managed.write(core::tenant_id{"t0815"}, anchor()));
    CHECK_THAT(load_tenants(tenants).complaints, Contains("trust"));
}
