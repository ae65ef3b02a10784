// `mqtt-broker trust`: what it takes, what it refuses, and that its sentences say what to do.
#include "broker/trust_command.hpp"

#include "common/auth/tenants_file.hpp"
#include "tests/unit/common/auth/make_certificate.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

using Catch::Contains;

namespace {

const char* const yaml =
    "# by hand\ntenants:\n  t1:   # the plant\n    trust_anchors: [ { name: old, file: old.pem } ]\n  t2: {}\n";

struct fixture {
    make::directory in;
    make::issued ca = authority("plant");
    std::string pem = in.write("ca.pem", ca.pem);
    std::string old_pem = in.write("old.pem", authority("old").pem);
    std::string tenants = in.write("tenants.yaml", yaml);
    std::string name;
    std::string automatic;
    std::string out;
    std::string err;

    static make::issued authority(const char* name, std::int64_t to_s = make::now_s + 86'400) {
        make::options with;
        with.common_name = name;
        with.authority = true;
        with.to_s = to_s;
        return make::certificate(with);
    }

    int run(std::vector<std::string> words) {
        broker::trust_request request;
        request.words = std::move(words);
        request.tenants_file = tenants;
        request.name = name;
        request.auto_registration = automatic;
        request.now_s = make::now_s;
        std::ostringstream to_out;
        std::ostringstream to_err;
        const int code = broker::run_trust_command(request, to_out, to_err);
        out = to_out.str();
        err = to_err.str();
        CHECK((code == 0) == err.empty());
        return code;
    }

    /// As the broker would see it after a reload.
    std::vector<auth::trust_anchor> anchors(const char* tenant) {
        const auto loaded = auth::load_tenants(tenants);
        INFO(loaded.complaints);
        REQUIRE(loaded.directory);
        const auto all = loaded.directory->trust.anchors(core::tenant_id(tenant));
        return {all.begin(), all.end()};
    }
};

} // namespace

TEST_CASE_METHOD(fixture, "trust add: the anchor counts at the next reload, tenants.yaml stays as it is") {
    CHECK(run({"add", "t2", pem}) == 0);
    CHECK_THAT(out, Contains("added") && Contains("plant") && Contains("SIGHUP") && Contains("2026-01-02"));
    const auto all = anchors("t2");
    REQUIRE(all.size() == 1);
    CHECK(all[0].name == "plant");
    CHECK(all[0].enabled);
    CHECK(all[0].auto_registration);
    CHECK_THAT(out, Contains(all[0].fingerprint) && Contains(all[0].origin));
    std::ifstream file(tenants);
    CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == yaml);
    name = "second";
    automatic = "off";
    CHECK(run({"add", "t2", in.write("second.der", authority("plant").der)}) == 0);
    CHECK_THAT(out, Contains("Without auto registration"));
    CHECK(anchors("t2").size() == 2);
}

TEST_CASE_METHOD(fixture, "trust add: refuses what the platform would refuse at upload", "[ref-F.3]") {
    const auto refused = [&](const std::string& path, const char* tenant = "t2") {
        CHECK(run({"add", tenant, path}) == 1);
        CHECK(anchors("t2").empty());
        return err;
    };
    CHECK_THAT(refused(in.path + "/absent.pem"), Contains("there is no file"));
    CHECK_THAT(refused(in.write("text.pem", "hello")), Contains("no certificate in PEM or DER"));
    CHECK_THAT(refused(in.write("two.pem", ca.pem + ca.pem)), Contains("holds 2 certificates"));
    make::options leaf;
    leaf.common_name = "dev-7";
    CHECK_THAT(refused(in.write("leaf.pem", make::certificate(leaf, &ca).pem)),
               Contains("CA:TRUE") && Contains("signs the devices"));
    CHECK_THAT(refused(in.write("late.pem", authority("late", make::now_s - 1).pem)),
               Contains("expired on 2025-12-31"));
    CHECK_THAT(refused(pem, "t3"), Contains("the tenant t3 is not in") && Contains("t3: {}"));
    CHECK_THAT(refused(old_pem), Contains("already a trust anchor of the tenant t1"));
    CHECK_THAT(refused(old_pem, "t1"), Contains("already a trust anchor of t1"));
    name = "line\nbreak";
    CHECK_THAT(refused(pem), Contains("control characters"));
    name.clear();
    REQUIRE(run({"add", "t2", pem}) == 0);
    CHECK(run({"add", "t1", pem}) == 1);
    CHECK_THAT(err, Contains("already a trust anchor of the tenant t2"));
    CHECK(run({"add", "t2", in.write("same-name.pem", authority("plant").pem)}) == 1);
    CHECK_THAT(err, Contains("--name"));
}

TEST_CASE_METHOD(fixture, "trust add: a file with mistakes is told and nothing changes") {
    in.write("tenants.yaml", "tenants:\n  t2: { profil: ga }\n");
    CHECK(run({"add", "t2", pem}) == 1);
    CHECK_THAT(err, Contains("tenants.yaml:2:") && Contains("nothing was changed"));
    CHECK_FALSE(std::filesystem::exists(in.path + "/trust"));
    in.write("tenants.yaml", yaml);
    in.write("trust", "a file where the directory belongs");
    CHECK(run({"add", "t2", pem}) == 1);
    CHECK_THAT(err, Contains("trust"));
}

TEST_CASE_METHOD(fixture, "trust list: every anchor with where it stands") {
    REQUIRE(run({"add", "t2", pem}) == 0);
    CHECK(run({"list"}) == 0);
    CHECK_THAT(out, Contains("t1 old ") && Contains(old_pem) && Contains("t2 plant ") && Contains("/trust/t2/"));
    CHECK(run({"list", "t2"}) == 0);
    CHECK_THAT(out, !Contains("t1") && Contains("enabled auto-registration-on valid-until 2026-01-02"));
    CHECK(run({"list", "t3"}) == 1);
    in.write("tenants.yaml", "tenants:\n  t1: {}\n");
    CHECK(run({"list", "t1"}) == 0);
    CHECK_THAT(out, Contains("no trust anchors") && Contains("trust add"));
}

TEST_CASE_METHOD(fixture, "trust disable and enable: by name, fingerprint or certificate") {
    REQUIRE(run({"add", "t2", pem}) == 0);
    const auto fingerprint = anchors("t2")[0].fingerprint;
    for (const auto& what : {std::string("plant"), fingerprint, pem}) {
        CHECK(run({"disable", "t2", what}) == 0);
        CHECK_THAT(out, Contains("disabled") && Contains("disconnected"));
        CHECK_FALSE(anchors("t2")[0].enabled);
        CHECK(run({"disable", "t2", what}) == 0);
        CHECK_THAT(out, Contains("was so already"));
        CHECK(run({"enable", "t2", what}) == 0);
        CHECK(anchors("t2")[0].enabled);
        CHECK(anchors("t2")[0].auto_registration);
    }
    CHECK(run({"disable", "t2", "nobody"}) == 1);
    CHECK_THAT(err, Contains("has no anchor nobody") && Contains("trust list t2"));
    CHECK(run({"disable", "t1", "old"}) == 1); // a person wrote it, a person changes it
    CHECK_THAT(err, Contains("was not added by this command") && Contains(tenants) && Contains("`enabled: false`"));
    CHECK(run({"disable", "t9", "old"}) == 1);
}

TEST_CASE_METHOD(fixture, "trust disable: an anchor that tenants.yaml names is not ours, wherever its file lies") {
    std::filesystem::create_directories(in.path + "/trust");
    std::filesystem::copy_file(pem, in.path + "/trust/plant-ca.pem");
    in.write("tenants.yaml", "tenants: { t1: { trust_anchors: [ { name: plant, file: trust/plant-ca.pem } ] } }\n");
    CHECK(run({"disable", "t1", "plant"}) == 1);
    CHECK_THAT(err, Contains("was not added by this command"));
    CHECK(run({"list", "t1"}) == 0); // and nothing was written that keeps the file from being read
}

TEST_CASE_METHOD(fixture, "trust: asked wrongly, all forms are shown") {
    automatic = "maybe";
    CHECK(run({"add", "t2", pem}) == 2);
    automatic.clear();
    const std::vector<std::vector<std::string>> wrong{{},
                                                      {"add"},
                                                      {"add", "t2"},
                                                      {"add", "t2", pem, "x"},
                                                      {"list", "t2", "x"},
                                                      {"enable", "t2"},
                                                      {"remove", "t2", "plant"}};
    for (const auto& words : wrong) {
        CHECK(run(words) == 2);
        CHECK_THAT(err, Contains("trust add") && Contains("trust disable") && Contains("--tenants"));
    }
}
