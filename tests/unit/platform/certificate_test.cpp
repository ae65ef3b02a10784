#include "tests/platform/model/certificate.hpp"

#include "tests/unit/common/auth/make_certificate.hpp"
#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::simulation;

namespace {

const std::string trusted = "/tenant/tenants/t0815/trusted-certificates";

make::issued authority(const std::string& name) {
    make::options with;
    with.common_name = name;
    with.authority = true;
    return make::certificate(with);
}

/// As JSON text: line breaks of a PEM are \n.
std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) c == '\n' ? out += "\\n" : out += c;
    return out;
}

std::string body(const std::string& pem, const std::string& more = R"(,"status":"ENABLED")") {
    return R"({"certInPemFormat":")" + escaped(pem) + "\"" + more + "}";
}

std::string upload(simulation& sim, const make::issued& of) {
    const auto made = sim.send("POST", trusted, body(of.pem));
    REQUIRE(made.status == 201);
    return made.text("fingerprint");
}

/// RSA, subject with several parts, made with `openssl req -x509 -newkey rsa:1024 -set_serial 0x0123456789abcdef0123
/// -days 36500 -subj "/C=EU/ST=PL/O=Iot Device Factory/CN=IotDevFäctory" -utf8 -addext basicConstraints=CA:TRUE`.
const std::string rsa = R"(-----BEGIN CERTIFICATE-----
MIICcTCCAdqgAwIBAgIKASNFZ4mrze8BIzANBgkqhkiG9w0BAQsFADBQMQswCQYD
VQQGEwJFVTELMAkGA1UECAwCUEwxGzAZBgNVBAoMEklvdCBEZXZpY2UgRmFjdG9y
eTEXMBUGA1UEAwwOSW90RGV2RsOkY3RvcnkwIBcNMjYxMTI1MDcyMjM4WhgPMjEy
NjExMDEwNzIyMzhaMFAxCzAJBgNVBAYTAkVVMQswCQYDVQQIDAJQTDEbMBkGA1UE
CgwSSW90IERldmljZSBGYWN0b3J5MRcwFQYDVQQDDA5Jb3REZXZGw6RjdG9yeTCB
nzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAwsCrQuEssEQBIrC9Ahy2etZue/NM
vgMlf+/SAfLeuhw1yDys/OtpuZyKTktpE7AuX7FJjBm2wMHurRw8Kasvm9kUDrB0
JKYU7lkxVx+cUJ4EeoFSq1+Uf5ElvZahbuNgNgh5jXnaYkDEtvm4MWfioYBeYYhM
NAcDUohqU0fxCAcCAwEAAaNQME4wHQYDVR0OBBYEFCmcI5iGWBLuqrbMeClspEPT
rcDwMB8GA1UdIwQYMBaAFCmcI5iGWBLuqrbMeClspEPTrcDwMAwGA1UdEwQFMAMB
Af8wDQYJKoZIhvcNAQELBQADgYEAnJhHY1e6CNGElfK5h6jfBsASCFDZfZ5fZ706
eo7Mw9XGI7MtZeSdOfB0M+7G3mumZ5xISH3HBTSFYzLSXELsgdNTnWVwRS+Wcfw0
wbmFbPCRtCD/5IXU//GtJM/u83B5bIdygcxBpeZIX2E92T1lFPuU0t+Wg4jzyuPX
VRiDWLY=
-----END CERTIFICATE-----
)";

} // namespace

TEST_CASE("trusted certificates: uploaded, with everything that is in them", "[platform][F.3]") {
    simulation sim;
    const auto made =
        sim.send("POST", trusted, body(rsa, R"(,"name":"factory","status":"DISABLED","autoRegistrationEnabled":true)"));
    CHECK(made.status == 201);
    CHECK(made.content_type == "application/json");
    CHECK(made.location == "http://sim.example.com" + trusted + "/a7547063b5a472fe16672b69b5152b07d39fd0e3");
    CHECK(made.text("fingerprint") == "a7547063b5a472fe16672b69b5152b07d39fd0e3");
    CHECK(made.text("name") == "factory");
    CHECK(made.text("status") == "DISABLED");
    CHECK(made.text("autoRegistrationEnabled") == "true");
    CHECK(made.text("tenantCertificateAuthority") == "false");
    CHECK(made.text("algorithmName") == "SHA256withRSA");
    CHECK(made.text("subject") == "CN=IotDevFäctory, O=Iot Device Factory, ST=PL, C=EU");
    CHECK(made.text("issuer") == "CN=IotDevFäctory, O=Iot Device Factory, ST=PL, C=EU");
    CHECK(made.text("serialNumber") == "5373003642731685151011");
    CHECK(made.text("version") == "3");
    CHECK(made.text("notBefore") == "2026-11-25T07:22:38.000Z");
    CHECK(made.text("notAfter") == "2126-11-01T07:22:38.000Z");
    CHECK(made.text("certInPemFormat").starts_with("MII"));
    CHECK(made.text("certInPemFormat").find('\n') == std::string::npos);
    CHECK(made.text("self") == made.location);
    CHECK(sim.send("GET", trusted + "/a7547063b5a472fe16672b69b5152b07d39fd0e3").body == made.body);
}

TEST_CASE("trusted certificates: what was read can be uploaded again; defaults", "[platform][F.3]") {
    simulation sim;
    const auto ca = authority("ca");
    const auto made = sim.send("POST", trusted, body(ca.pem));
    CHECK(made.text("name").empty());
    CHECK(made.text("status") == "ENABLED");
    CHECK(made.text("autoRegistrationEnabled") == "false");
    CHECK(made.text("algorithmName") == "SHA256withECDSA");
    CHECK(sim.send("DELETE", trusted + "/" + made.text("fingerprint")).status == 204);
    const auto again = sim.send("POST", trusted, body(made.text("certInPemFormat")), {{"Accept", ""}});
    CHECK(again.status == 201);
    CHECK(again.body.empty());
    CHECK(sim.send("GET", trusted + "/" + made.text("fingerprint")).body == made.body);
}

TEST_CASE("trusted certificates: upload conditions", "[platform][F.3]") {
    simulation sim;
    make::options with;
    with.common_name = "ca";
    with.authority = true;
    SECTION("version 1") {
        with.version = 1;
        with.authority = false;
    }
    SECTION("no authority") { with.authority = false; }
    SECTION("no basic constraints") { with.basic_constraints = false; }
    SECTION("expired") {
        with.from_s = make::now_s - 200;
        with.to_s = make::now_s - 100;
    }
    check_error(sim.send("POST", trusted, body(make::certificate(with).pem)), 422, "undefined/validationError");
    CHECK(sim.send("GET", trusted).count("certificates") == 0);
}

TEST_CASE("trusted certificates: bodies that are refused", "[platform][F.3]") {
    simulation sim;
    const auto ca = authority("ca");
    check_error(sim.send("POST", trusted, "x"), 400, "certificate/Bad Request");
    const auto bad = GENERATE_COPY(
        as<std::string>{}, std::string("{}"), R"({"status":"ENABLED"})", body(ca.pem, ""), body("nonsense"),
        body(ca.pem + ca.pem), body(ca.pem.substr(0, 200)), body(ca.pem.substr(28)), body(ca.pem, R"(,"status":"ON")"),
        body(ca.pem, R"(,"status":true)"), body(ca.pem, R"(,"status":"ENABLED","name":1)"),
        body(ca.pem, R"(,"status":"ENABLED","autoRegistrationEnabled":"true")"), body("TUlJ"));
    check_error(sim.send("POST", trusted, bad), 422, "undefined/validationError");
    CHECK(sim.send("GET", trusted).count("certificates") == 0);
}

TEST_CASE("trusted certificates: one certificate is in one tenant of the platform only", "[platform][F.3]") {
    simulation sim;
    const auto ca = authority("ca");
    const auto fingerprint = upload(sim, ca);
    check_error(sim.send("POST", trusted, body(ca.pem)), 409, "certificate/Duplicate");
    sim.as("t0816/admin", "other-secret");
    const std::string other = "/tenant/tenants/t0816/trusted-certificates";
    check_error(sim.send("POST", other, body(ca.pem)), 409, "certificate/Duplicate");
    check_error(sim.send("GET", other + "/" + fingerprint), 404, "certificate/Not Found");
    sim.as_admin();
    CHECK(sim.send("DELETE", trusted + "/" + fingerprint).status == 204);
    sim.as("t0816/admin", "other-secret");
    CHECK(sim.send("POST", other, body(ca.pem)).status == 201);
}

TEST_CASE("trusted certificates: many at once, all or none", "[platform][F.3]") {
    simulation sim;
    const auto a = authority("a");
    const auto b = authority("b");
    const auto many = [](const std::string& items) { return R"({"certificates":[)" + items + "]}"; };
    const auto twice = sim.send("POST", trusted + "/bulk", many(body(a.pem) + "," + body(a.pem)));
    check_error(twice, 409, "certificate/Duplicate");
    check_error(sim.send("POST", trusted + "/bulk", many(body(a.pem) + ",{}")), 422, "undefined/validationError");
    check_error(sim.send("POST", trusted + "/bulk", many(body(a.pem) + ",1")), 422, "undefined/validationError");
    check_error(sim.send("POST", trusted + "/bulk", many("")), 422, "undefined/validationError");
    check_error(sim.send("POST", trusted + "/bulk", "{}"), 422, "undefined/validationError");
    check_error(sim.send("POST", trusted + "/bulk", "x"), 400, "certificate/Bad Request");
    CHECK(sim.send("GET", trusted).count("certificates") == 0);
    const auto made = sim.send("POST", trusted + "/bulk", many(body(a.pem) + "," + body(b.pem)));
    CHECK(made.status == 201);
    CHECK(made.content_type == "application/json");
    CHECK(made.count("certificates") == 2);
    CHECK(sim.send("GET", trusted).count("certificates") == 2);
}

TEST_CASE("trusted certificates: listed in their sequence, with paging and filter", "[platform][F.3]") {
    simulation sim;
    std::vector<std::string> fingerprints;
    for (const auto name : {"a", "b", "c"}) fingerprints.push_back(upload(sim, authority(name)));
    const auto first = sim.send("GET", trusted + "?pageSize=2&withTotalPages=true&withTotalElements=true");
    CHECK(first.content_type == "application/json");
    CHECK(first.count("certificates") == 2);
    CHECK(first.json().at("certificates").at(0).at("fingerprint").as_string() == fingerprints[0].c_str());
    CHECK(first.text("statistics.totalPages") == "2");
    CHECK(first.text("statistics.totalElements") == "3");
    CHECK(first.text("next") ==
          "http://sim.example.com" + trusted + "?withTotalPages=true&withTotalElements=true&pageSize=2&currentPage=2");
    CHECK(sim.send("GET", trusted + "?pageSize=2&currentPage=2").count("certificates") == 1);
    CHECK(sim.send("GET", trusted + "?certificateAuthority=true").count("certificates") == 0);
    CHECK(sim.send("GET", trusted + "?certificateAuthority=false").count("certificates") == 3);
    check_error(sim.send("GET", trusted + "?pageSize=0"), 422, "undefined/validationError");
    CHECK(sim.send("GET", "/sim/stats").json().at("tenants").at("t0815").at("trustedCertificates") == 3);
    CHECK(sim.send("POST", "/sim/reset").status == 204);
    CHECK(sim.send("GET", trusted).count("certificates") == 0);
}

TEST_CASE("trusted certificates: name, status and automatic registration can be changed", "[platform][F.3]") {
    simulation sim;
    const auto fingerprint = upload(sim, authority("a"));
    const std::string one = trusted + "/" + fingerprint;
    const auto changed = sim.send("PUT", one,
                                  R"({"name":"new","status":"DISABLED","autoRegistrationEnabled":true,
                                      "fingerprint":"0","subject":"CN=x"})");
    CHECK(changed.status == 200);
    CHECK(changed.text("name") == "new");
    CHECK(changed.text("status") == "DISABLED");
    CHECK(changed.text("autoRegistrationEnabled") == "true");
    CHECK(changed.text("fingerprint") == fingerprint);
    CHECK(changed.text("subject") == "CN=a");
    CHECK(sim.send("PUT", one, R"({"status":"ENABLED"})", {{"Accept", ""}}).body.empty());
    CHECK(sim.send("GET", one).text("name") == "new");
    CHECK(sim.send("GET", one).text("status") == "ENABLED");
    check_error(sim.send("PUT", one, "x"), 400, "certificate/Bad Request");
    check_error(sim.send("PUT", one, R"({"name":"other","status":"ON"})"), 422, "undefined/validationError");
    check_error(sim.send("PUT", one, R"({"autoRegistrationEnabled":1})"), 422, "undefined/validationError");
    CHECK(sim.send("GET", one).text("name") == "new");
}

TEST_CASE("trusted certificates: unknown ones are 404", "[platform][F.3]") {
    simulation sim;
    const std::string none = trusted + "/" + std::string(40, 'a');
    check_error(sim.send("GET", none), 404, "certificate/Not Found");
    check_error(sim.send("PUT", none, R"({"name":"x"})"), 404, "certificate/Not Found");
    check_error(sim.send("DELETE", none), 404, "certificate/Not Found");
}

TEST_CASE("trusted certificates: other tenants are forbidden, unknown ones 404, management may", "[platform][F.3]") {
    simulation sim;
    const auto ca = authority("a");
    const std::string one = trusted + "/" + upload(sim, ca);
    const std::string other = "/tenant/tenants/t0816/trusted-certificates";
    const std::string none = "/tenant/tenants/t0999/trusted-certificates";
    check_error(sim.send("GET", other), 403, "security/Forbidden");
    check_error(sim.send("POST", other, body(authority("b").pem)), 403, "security/Forbidden");
    check_error(sim.send("POST", other + "/bulk", "{}"), 403, "security/Forbidden");
    check_error(sim.send("GET", other + "/x"), 403, "security/Forbidden");
    check_error(sim.send("PUT", other + "/x", "{}"), 403, "security/Forbidden");
    check_error(sim.send("DELETE", other + "/x"), 403, "security/Forbidden");
    check_error(sim.send("GET", none), 404, "tenant/Not Found");
    check_error(sim.send("POST", none, body(ca.pem)), 404, "tenant/Not Found");
    check_error(sim.send("POST", none + "/bulk", "{}"), 404, "tenant/Not Found");
    sim.as_new("management", "admin");
    check_error(sim.send("GET", trusted), 403, "security/Forbidden");
    CHECK(sim.send("GET", one).status == 200);
    CHECK(sim.send("PUT", one, R"({"name":"m"})").text("name") == "m");
    CHECK(sim.send("DELETE", one).status == 204);
}

TEST_CASE("trusted certificates: roles", "[platform][F.3]") {
    simulation sim;
    const std::string one = trusted + "/" + upload(sim, authority("a"));
    sim.as_new("t0815", "sees", "ROLE_TENANT_MANAGEMENT_READ");
    CHECK(sim.send("GET", trusted).status == 200);
    CHECK(sim.send("GET", one).status == 200);
    check_error(sim.send("POST", trusted, "{}"), 403, "security/Forbidden");
    check_error(sim.send("POST", trusted + "/bulk", "{}"), 403, "security/Forbidden");
    check_error(sim.send("PUT", one, "{}"), 403, "security/Forbidden");
    check_error(sim.send("DELETE", one), 403, "security/Forbidden");
    const auto role = GENERATE(as<std::string>{}, "ROLE_TENANT_ADMIN", "ROLE_TENANT_MANAGEMENT_ADMIN");
    sim.as_new("t0815", "manages", role);
    CHECK(sim.send("GET", trusted).status == 200);
    CHECK(sim.send("PUT", one, R"({"name":"x"})").status == 200);
    sim.as_device();
    check_error(sim.send("GET", trusted), 403, "security/Forbidden");
    sim.as("t0815/admin", "wrong");
    check_error(sim.send("GET", trusted), 401, "security/Unauthorized");
}
