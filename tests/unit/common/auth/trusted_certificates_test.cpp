#include "common/auth/trusted_certificates.hpp"

#include "common/core/base64.hpp"
#include "common/core/json_writer.hpp"
#include "tests/unit/common/auth/make_certificate.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

using namespace auth;

namespace {

make::issued authority() {
    make::options with;
    with.common_name = "plant";
    with.authority = true;
    return make::certificate(with);
}

std::string entry(const std::string& pem, const std::string& status = "ENABLED", bool automatic = true) {
    core::json_writer json;
    json.object().member("name", "plant-ca").member("status", status).member("autoRegistrationEnabled", automatic);
    json.member("certInPemFormat", pem).member("fingerprint", "ab01").member("serialNumber", 7).end();
    return std::move(json).text();
}

core::result<certificate_page> read(const std::string& entries) {
    return read_trusted_certificates(R"({"certificates":[)" + entries + R"(],"statistics":{}})");
}

} // namespace

TEST_CASE("trusted certificates: each form of the certificate", "[auth][ref-F.3]") {
    const auto ca = authority();
    const auto bare = core::base64_encode(ca.der);
    auto folded = bare;
    folded.insert(64, "\n");
    for (const auto& form : {ca.pem, bare, folded}) {
        INFO(form);
        const auto page = read(entry(form));
        REQUIRE(page);
        REQUIRE(page->anchors.size() == 1);
        CHECK(page->anchors[0].authority == certificate::from_der(ca.der).value());
        CHECK(page->anchors[0].name == "plant-ca");
        CHECK(page->anchors[0].enabled);
        CHECK(page->anchors[0].auto_registration);
    }
}

TEST_CASE("trusted certificates: switches, and entries that cannot be read", "[auth][ref-F.3]") {
    const auto pem = authority().pem;
    const auto page = read(entry(pem, "DISABLED", false) + "," + entry("rubbish") + "," + entry(pem + pem) + ",7," +
                           R"({"status":"ENABLED"},)" + R"({"certInPemFormat":"x"},)" + entry(pem, "SOMETHING NEW"));
    REQUIRE(page);
    CHECK(page->entries == 7);
    CHECK(page->unreadable.size() == 5);
    CHECK(page->unreadable[0].starts_with("ab01: "));
    REQUIRE(page->anchors.size() == 2);
    CHECK_FALSE(page->anchors[0].enabled);
    CHECK_FALSE(page->anchors[0].auto_registration);
    CHECK_FALSE(page->anchors[1].enabled); // only what is said to be enabled is
    CHECK(read("")->anchors.empty());
    for (const char* bad : {"", "{}", "[]", R"({"certificates":{}})", R"({"certificates":[)"}) {
        INFO(bad);
        CHECK(read_trusted_certificates(bad).error() == errc::bad_answer);
    }
}

TEST_CASE("trusted certificates: the option that switches the list on", "[auth][ref-F.5]") {
    CHECK(read_option_flag(R"({"category":"configuration","key":"crl.offline.check.enabled","value":"true"})"));
    CHECK(read_option_flag(R"({"value":true})"));
    for (const char* off :
         {"", "{}", R"({"value":"false"})", R"({"value":""})", R"({"value":1})", R"({"value":false})"})
        CHECK_FALSE(read_option_flag(off));
}
