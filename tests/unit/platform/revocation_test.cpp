#include "tests/platform/model/revocation.hpp"

#include "tests/unit/platform/simulation.hpp"

#include <openssl/x509.h>

using namespace platform_sim;
using test::check_error;
using test::simulation;

namespace {

const std::string path = "/tenant/trusted-certificates/settings/crl";

struct read_list {
    std::string issuer;
    std::map<std::string, std::string> entries; ///< serial in hexadecimal digits to time
    bool good = false;
};

/// As a client of the platform reads it.
read_list read_crl(const std::string& der) {
    read_list read;
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const auto* end = at + der.size();
    const std::shared_ptr<X509_CRL> list(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())), X509_CRL_free);
    REQUIRE(list != nullptr);
    read.good = at == end && X509_CRL_get_version(list.get()) == 1 && X509_CRL_get0_nextUpdate(list.get()) != nullptr;
    char name[100]{};
    X509_NAME_oneline(X509_CRL_get_issuer(list.get()), name, sizeof name);
    read.issuer = name;
    STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(list.get());
    for (int i = 0; i < sk_X509_REVOKED_num(entries); ++i) {
        const X509_REVOKED* one = sk_X509_REVOKED_value(entries, i);
        const std::shared_ptr<BIGNUM> number(ASN1_INTEGER_to_BN(X509_REVOKED_get0_serialNumber(one), nullptr), BN_free);
        char* hex = BN_bn2hex(number.get());
        const ASN1_TIME* since = X509_REVOKED_get0_revocationDate(one);
        read.entries[hex] = reinterpret_cast<const char*>(ASN1_STRING_get0_data(since));
        OPENSSL_free(hex);
    }
    return read;
}

test::reply upload_file(simulation& sim, const std::string& csv, const std::string& name = "file") {
    return sim.send("PUT", path,
                    "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"crl.csv\"\r\n\r\n" + csv +
                        "\r\n--b--\r\n",
                    {{"Content-Type", "multipart/form-data; boundary=b"}});
}

} // namespace

TEST_CASE("revocation: serial numbers have one form", "[platform][F.5]") {
    CHECK(model::normal_serial("0B8A5b9d") == "b8a5b9d");
    CHECK(model::normal_serial("000") == "0");
    CHECK(model::normal_serial(std::string(40, 'f')) == std::string(40, 'f'));
    const auto bad = GENERATE(as<std::string>{}, "", "g", "0x1", "-1", "1 2", std::string(41, '1'));
    CHECK_FALSE(model::normal_serial(bad));
}

TEST_CASE("revocation: a list from entries, read as a signed CRL of the tenant", "[platform][F.5]") {
    simulation sim;
    const auto empty = read_crl(sim.send("GET", path).body);
    CHECK(empty.good);
    CHECK(empty.entries.empty());
    const auto put = sim.send("PUT", path,
                              R"({"crls":[{"serialNumberInHex":"0b8a5b9d","revocationDate":"2025-12-17T10:48:51.000Z"},
                                  {"serialNumberInHex":"1000"},
                                  {"serialNumberInHex":"1001","revocationDate":"2030-01-01T00:00:00.000Z"}]})");
    CHECK(put.status == 204);
    const auto got = sim.send("GET", path);
    CHECK(got.status == 200);
    CHECK(got.content_type == "application/pkix-crl");
    const auto list = read_crl(got.body);
    CHECK(list.good);
    CHECK(list.issuer == "/CN=t0815");
    CHECK(list.entries == std::map<std::string, std::string>{{"0B8A5B9D", "251217104851Z"},
                                                             {"1000", "260101000000Z"},   // missing: now
                                                             {"1001", "260101000000Z"}}); // future: now
    sim.as("t0816/admin", "other-secret");
    CHECK(read_crl(sim.send("GET", path).body).entries.empty());
}

TEST_CASE("revocation: entries stay, the first date of a serial counts", "[platform][F.5]") {
    simulation sim;
    const auto put = [&](const std::string& serial, const std::string& date) {
        return sim.send("PUT", path,
                        R"({"crls":[{"serialNumberInHex":")" + serial + R"(","revocationDate":")" + date + R"("}]})");
    };
    CHECK(put("aa", "2025-12-17T10:48:51.000Z").status == 204);
    CHECK(put("00AA", "2025-12-18T10:48:51.000Z").status == 204);
    CHECK(sim.send("PUT", path, R"({"crls":[]})").status == 204);
    CHECK(read_crl(sim.send("GET", path).body).entries == std::map<std::string, std::string>{{"AA", "251217104851Z"}});
    CHECK(sim.send("POST", "/sim/reset").status == 204);
    CHECK(read_crl(sim.send("GET", path).body).entries.empty());
}

TEST_CASE("revocation: a list from a file; its later date counts, future rows do not", "[platform][F.5]") {
    simulation sim;
    CHECK(upload_file(sim, "SERIAL NO.,REVOCATION DATE\r\naa,2025-12-17T10:48:51.000Z\r\nbb\r\ncc,\r\n"
                           "dd, 2030-01-01T00:00:00.000Z\r\n\r\n")
              .status == 204);
    CHECK(upload_file(sim, "serial no., revocation date\naa,2025-12-18T10:48:51.000Z").status == 204);
    CHECK(read_crl(sim.send("GET", path).body).entries == std::map<std::string, std::string>{{"AA", "251218104851Z"},
                                                                                             {"BB", "260101000000Z"},
                                                                                             {"CC", "260101000000Z"}});
    check_error(upload_file(sim, ""), 400, "certificate/Bad Request");
    check_error(upload_file(sim, "aa,2025-12-17T10:48:51.000Z"), 400, "certificate/Bad Request");
    check_error(upload_file(sim, "SERIAL NO.,REVOCATION DATE\naa,yesterday"), 400, "certificate/Bad Request");
    check_error(upload_file(sim, "SERIAL NO.,REVOCATION DATE\nxx,"), 422, "undefined/validationError");
    check_error(upload_file(sim, "SERIAL NO.", "other"), 400, "certificate/Bad Request");
    check_error(sim.send("PUT", path, "x", {{"Content-Type", "multipart/form-data; boundary=b"}}), 400,
                "certificate/Bad Request");
    std::string rows = "SERIAL NO.,REVOCATION DATE\n";
    for (int i = 0; i < 5000; ++i) rows += "1" + std::to_string(i) + "\n";
    CHECK(upload_file(sim, rows).status == 204);
    check_error(upload_file(sim, rows + "ee\n"), 422, "undefined/validationError");
    CHECK(read_crl(sim.send("GET", path).body).entries.size() == 5003);
}

TEST_CASE("revocation: entries that are refused, with all that came with them", "[platform][F.5]") {
    simulation sim;
    check_error(sim.send("PUT", path, "x"), 400, "certificate/Bad Request");
    const auto date = GENERATE(as<std::string>{}, R"("2026-01-17")", R"("2026-01-17T10:48:51Z")",
                               R"("2026-01-17T10:48:51.000+01:00")", R"("yesterday")", "7");
    check_error(
        sim.send("PUT", path,
                 R"({"crls":[{"serialNumberInHex":"aa"},{"serialNumberInHex":"bb","revocationDate":)" + date + "}]}"),
        400, "certificate/Bad Request");
    const auto body = GENERATE(as<std::string>{}, "{}", R"({"crls":{}})", R"({"crls":[1]})", R"({"crls":[{}]})",
                               R"({"crls":[{"serialNumberInHex":"aa"},{"serialNumberInHex":"xy"}]})");
    check_error(sim.send("PUT", path, body), 422, "undefined/validationError");
    CHECK(read_crl(sim.send("GET", path).body).entries.empty());
}

TEST_CASE("revocation: changing the list needs a role, reading it a login", "[platform][F.5]") {
    simulation sim;
    sim.as_device();
    check_error(sim.send("PUT", path, R"({"crls":[]})"), 403, "security/Forbidden");
    CHECK(sim.send("GET", path).status == 200);
    const auto role = GENERATE(as<std::string>{}, "ROLE_TENANT_ADMIN", "ROLE_TENANT_MANAGEMENT_ADMIN");
    sim.as_new("t0815", "manages", role);
    CHECK(sim.send("PUT", path, R"({"crls":[]})").status == 204);
    sim.as("t0815/admin", "wrong");
    check_error(sim.send("GET", path), 401, "security/Unauthorized");
    check_error(sim.send("PUT", path, R"({"crls":[]})"), 401, "security/Unauthorized");
}
