#include "common/auth/revocation.hpp"

#include "tests/unit/common/auth/make_certificate.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

using namespace auth;

namespace {

make::issued authority(const char* name) {
    make::options with;
    with.common_name = name;
    with.authority = true;
    return make::certificate(with);
}

certificate_number number(const make::issued& issuer, const char* serial) {
    return {certificate::from_der(issuer.der)->subject_hash(), serial};
}

} // namespace

TEST_CASE("serial numbers: one form for all spellings", "[auth][ref-F.5]") {
    CHECK(serial_from_hex("0b8a5b9d") == "b8a5b9d");
    CHECK(serial_from_hex("0B:8A:5B:9D") == "b8a5b9d");
    CHECK(serial_from_hex(" 00 00 b8 a5b9d") == "b8a5b9d");
    CHECK(serial_from_hex("00") == "0");
    CHECK(serial_from_hex("10") == "10");
    CHECK(serial_from_hex("b0") == "b0");
    for (const char* none : {"", " ", ":", "0x12", "12g", "-1", "12.5"}) {
        INFO(none);
        CHECK(serial_from_hex(none).empty());
        CHECK_FALSE(revocation_list().add_serial(none));
    }
}

TEST_CASE("revocations: serial numbers count for every issuer, a CRL's for its own", "[auth][ref-F.5]") {
    const auto one = authority("one");
    const auto other = authority("other");
    revocation_list list;
    CHECK_FALSE(list.contains(number(one, "7")));
    CHECK(list.add_serial("07"));
    CHECK(list.contains(number(one, "7")));
    CHECK(list.contains(number(other, "7")));
    const bool pem = GENERATE(false, true);
    CHECK(list.add_crl(make::revocation_list(one, {"B8A5B9D", "0100"}, pem), revocation_scope::issuer).value() == 2);
    CHECK(list.contains(number(one, "b8a5b9d")));
    CHECK(list.contains(number(one, "100")));
    CHECK_FALSE(list.contains(number(other, "100")));
    CHECK(list.add_crl(make::revocation_list(one, {"55"}, pem), revocation_scope::tenant).value() == 1);
    CHECK(list.contains(number(other, "55")));
    CHECK(list.size() == 4);
    revocation_list both;
    both.add(list);
    CHECK(both == list);
}

TEST_CASE("revocations: several CRLs in one file, an empty one, and what is none", "[auth][ref-F.5]") {
    const auto one = authority("one");
    const auto other = authority("other");
    revocation_list list;
    const auto two = make::revocation_list(one, {"1"}, true) + make::revocation_list(other, {"2"}, true);
    CHECK(list.add_crl(two, revocation_scope::issuer).value() == 2);
    CHECK(list.contains(number(other, "2")));
    CHECK_FALSE(list.contains(number(other, "1")));
    CHECK(list.add_crl(make::revocation_list(one, {}), revocation_scope::issuer).value() == 0);
    auto damaged = two;
    damaged[damaged.rfind("-----BEGIN") + 60] = '!';
    const auto der = make::revocation_list(one, {"3"});
    for (const auto& none :
         {std::string(), std::string("hello"), one.pem, one.der, damaged, der + "x", der.substr(0, der.size() - 1)}) {
        CHECK(list.add_crl(none, revocation_scope::issuer).error() == errc::bad_revocation_list);
        CHECK(list.size() == 2);
    }
}
