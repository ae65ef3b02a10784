#include "tests/unit/common/auth/make_certificate.hpp"
#include "tests/unit/platform/simulation.hpp"

using namespace platform_sim;
using test::check_error;
using test::reply;
using test::simulation;

namespace {

const std::string path = "/tenant/trusted-certificates/verify-cert-chain";

make::issued authority(const std::string& name, const make::issued* signer = nullptr, int path_length = -1) {
    make::options with;
    with.common_name = name;
    with.authority = true;
    with.path_length = path_length;
    return make::certificate(with, signer);
}

make::issued device(const make::issued& signer) {
    make::options with;
    with.common_name = "dev-7";
    return make::certificate(with, &signer);
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

/// Trusted by the tenant of the administrator who uploads; the fingerprint.
std::string trust(simulation& sim, const make::issued& of, const std::string& tenant = "t0815") {
    const auto made = sim.send("POST", "/tenant/tenants/" + tenant + "/trusted-certificates",
                               R"({"status":"ENABLED","certInPemFormat":")" + replaced(of.pem, "\n", "\\n") + "\"}");
    REQUIRE(made.status == 201);
    return made.text("fingerprint");
}

using chain = std::vector<make::issued>;

/// Certificates separated by `,`, blocks of 64 characters by a blank.
std::string header_form(const chain& of) {
    std::string out;
    for (const auto& one : of) out += (out.empty() ? "" : ",") + replaced(one.pem, "\n", " ");
    return out;
}

reply verify(simulation& sim, const chain& of, const std::string& tenant = {}) {
    test::headers with{{"X-Cumulocity-Client-Cert-Chain", header_form(of)}};
    if (!tenant.empty()) with.emplace_back("X-Cumulocity-TenantId", tenant);
    return sim.send("POST", path, "", with);
}

reply verify_file(simulation& sim, const std::string& pem, const std::string& tenant = {}, test::headers more = {}) {
    std::string body;
    if (!tenant.empty()) body += "--b\r\nContent-Disposition: form-data; name=\"tenantId\"\r\n\r\n" + tenant + "\r\n";
    body += "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"c.pem\"\r\n\r\n" + pem + "\r\n--b--\r\n";
    more.emplace_back("Content-Type", "multipart/form-data; boundary=b");
    return sim.send("POST", path, body, more);
}

void check_refused(const reply& got, const std::string& why) {
    check_error(got, 401, "security/Unauthorized");
    CHECK_THAT(got.text("message"), Catch::Contains(why));
}

} // namespace

TEST_CASE("chain: a leaf of a trusted certificate is valid, alone and with it", "[platform][F.4]") {
    simulation sim;
    const auto ca = authority("ca");
    (void)trust(sim, ca);
    const auto leaf = device(ca);
    const auto alone = verify(sim, {leaf});
    CHECK(alone.status == 200);
    CHECK(alone.content_type == "application/json");
    CHECK(alone.body == R"({"successfullyValidated":true,"tenantId":"t0815"})");
    CHECK(verify(sim, {leaf, ca}).body == alone.body);
    CHECK(verify(sim, {leaf, ca}, "t0815").body == alone.body);
    CHECK(verify(sim, {leaf}, "t0815").body == alone.body);
    CHECK(verify(sim, {leaf, ca, authority("more")}).status == 200); // what follows the anchor does not matter
    CHECK(verify_file(sim, leaf.pem + ca.pem).body == alone.body);
    CHECK(verify_file(sim, leaf.pem, "t0815").body == alone.body);
}

TEST_CASE("chain: without its header lines the certificate is the same", "[platform][F.4]") {
    simulation sim;
    const auto ca = authority("ca");
    (void)trust(sim, ca);
    std::string bare = replaced(header_form({device(ca)}), "-----BEGIN CERTIFICATE-----", "");
    bare = replaced(bare, "-----END CERTIFICATE-----", "");
    CHECK(sim.send("POST", path, "", {{"X-Cumulocity-Client-Cert-Chain", bare}}).status == 200);
}

TEST_CASE("chain: signers between, up to the trusted one, in their order", "[platform][F.4]") {
    simulation sim;
    const auto root = authority("root");
    const auto middle = authority("middle", &root);
    const auto low = authority("low", &middle);
    const auto leaf = device(low);
    SECTION("the root is trusted") {
        (void)trust(sim, root);
        CHECK(verify(sim, {leaf, low, middle, root}).status == 200);
        check_refused(verify(sim, {leaf, low, middle}), "No tenant trusts"); // the anchor must be sent
        check_refused(verify(sim, {leaf, low, middle}, "t0815"), "does not lead to");
        check_refused(verify(sim, {leaf, middle, low, root}), "do not follow");
        check_refused(verify(sim, {leaf, low, root}), "not valid");
        check_refused(verify(sim, {leaf}), "No tenant trusts");
        check_refused(verify(sim, {low, leaf, middle, root}), "not valid");
    }
    SECTION("one in the middle is trusted") {
        (void)trust(sim, middle);
        CHECK(verify(sim, {leaf, low, middle}).status == 200);
        CHECK(verify(sim, {leaf, low, middle, root}).status == 200);
    }
}

TEST_CASE("chain: what a signer may not be", "[platform][F.4]") {
    simulation sim;
    SECTION("no authority") {
        const auto root = authority("root");
        (void)trust(sim, root);
        const auto low = device(root);
        check_refused(verify(sim, {device(low), low, root}), "no certificate authority");
    }
    SECTION("too far up") {
        const auto root = authority("root", nullptr, 0);
        (void)trust(sim, root);
        const auto low = authority("low", &root);
        CHECK(verify(sim, {device(root), root}).status == 200);
        check_refused(verify(sim, {device(low), low, root}), "path length");
    }
    SECTION("of the right name with another key") {
        const auto root = authority("root");
        (void)trust(sim, root);
        const auto false_root = authority("root");
        check_refused(verify(sim, {device(false_root), root}), "not valid");
        check_refused(verify(sim, {device(false_root)}), "No tenant trusts");
    }
    SECTION("without the right to sign") {
        make::options with;
        with.common_name = "root";
        with.authority = true;
        with.sign_right = false;
        const auto root = make::certificate(with);
        (void)trust(sim, root);
        check_refused(verify(sim, {device(root), root}), "no certificate authority");
    }
}

TEST_CASE("chain: all must be valid in time", "[platform][F.4]") {
    simulation sim;
    const auto root = authority("root");
    (void)trust(sim, root);
    make::options with;
    with.common_name = "dev-7";
    with.to_s = make::now_s + 100;
    const auto leaf = make::certificate(with, &root);
    with.from_s = make::now_s + 50;
    const auto later = make::certificate(with, &root);
    CHECK(verify(sim, {leaf}).status == 200);
    check_refused(verify(sim, {later}), "not yet valid");
    sim.clock.advance(std::chrono::seconds(60));
    CHECK(verify(sim, {later}).status == 200);
    sim.clock.advance(std::chrono::seconds(60));
    check_refused(verify(sim, {leaf}), "expired");
    sim.clock.advance(std::chrono::hours(48));
    check_refused(verify(sim, {device(root)}), "expired");
}

TEST_CASE("chain: a disabled or removed certificate trusts nobody", "[platform][F.4]") {
    simulation sim;
    const auto root = authority("root");
    const std::string one = "/tenant/tenants/t0815/trusted-certificates/" + trust(sim, root);
    CHECK(sim.send("PUT", one, R"({"status":"DISABLED"})").status == 200);
    check_refused(verify(sim, {device(root)}), "disabled");
    CHECK(sim.send("PUT", one, R"({"status":"ENABLED"})").status == 200);
    CHECK(verify(sim, {device(root)}).status == 200);
    CHECK(sim.send("DELETE", one).status == 204);
    check_refused(verify(sim, {device(root)}), "No tenant trusts");
    check_refused(verify(sim, {device(root), root}, "t0815"), "does not lead to");
}

TEST_CASE("chain: revoked ones are refused first, when the tenant checks that", "[platform][F.5]") {
    simulation sim;
    const auto root = authority("root");
    (void)trust(sim, root);
    const auto leaf = device(root);
    const auto serial = model::certificate::from_text(leaf.pem)->serial_hex();
    CHECK(sim.send("PUT", "/tenant/trusted-certificates/settings/crl",
                   R"({"crls":[{"serialNumberInHex":"00)" + serial + R"("}]})")
              .status == 204);
    CHECK(verify(sim, {leaf}).status == 200); // off by default
    const auto option = [&](const std::string& value) {
        return sim.send("POST", "/tenant/options",
                        R"({"category":"configuration","key":"crl.offline.check.enabled","value":")" + value + "\"}");
    };
    CHECK(option("true").status == 200);
    check_refused(verify(sim, {leaf}), "revoked");
    check_refused(verify(sim, {leaf, leaf, root}), "revoked"); // not valid either, but that comes second
    CHECK(verify(sim, {device(root)}).status == 200);
    CHECK(option("false").status == 200);
    CHECK(verify(sim, {leaf}).status == 200);
}

TEST_CASE("chain: what cannot be read is 400", "[platform][F.4]") {
    simulation sim;
    const auto root = authority("root");
    (void)trust(sim, root);
    const std::string bad = "certificate/Bad Request";
    check_error(sim.send("POST", path), 400, bad);
    check_error(sim.send("POST", path, "", {{"X-Cumulocity-Client-Cert-Chain", "TUlJ"}}), 400, bad);
    check_error(sim.send("POST", path, "", {{"X-Cumulocity-Client-Cert-Chain", header_form({root}) + ","}}), 400, bad);
    check_error(verify(sim, chain(6, root)), 400, bad);
    CHECK(verify(sim, chain(5, root)).status != 400);
    check_error(verify_file(sim, ""), 400, bad);
    check_error(verify_file(sim, "x" + root.pem), 400, bad);
    check_error(verify_file(sim, root.pem + "x"), 400, bad);
    check_error(verify_file(sim, replaced(root.pem, "MII", "M*I")), 400, bad);
    std::string many;
    for (int i = 0; i < 10; ++i) many += root.pem;
    CHECK(verify_file(sim, many).status != 400);
    check_error(verify_file(sim, many + root.pem), 400, bad);
    check_error(sim.send("POST", path, "x", {{"Content-Type", "multipart/form-data; boundary=b"}}), 400, bad);
}

TEST_CASE("chain: a file counts before the headers", "[platform][F.4]") {
    simulation sim;
    const auto root = authority("root");
    (void)trust(sim, root);
    const test::headers also{{"X-Cumulocity-Client-Cert-Chain", "nonsense"}, {"X-Cumulocity-TenantId", "t0999"}};
    CHECK(verify_file(sim, device(root).pem, "t0815", also).status == 200);
    check_error(verify_file(sim, device(root).pem, "", also), 404, "tenant/Not Found");
}

TEST_CASE("chain: which tenant, and who may ask for it", "[platform][F.4]") {
    simulation sim;
    const auto mine = authority("mine");
    const auto theirs = authority("theirs");
    (void)trust(sim, mine);
    sim.as("t0816/admin", "other-secret");
    (void)trust(sim, theirs, "t0816");
    sim.as_admin();
    check_error(verify(sim, {device(mine)}, "t0999"), 404, "tenant/Not Found");
    check_error(verify(sim, {device(theirs)}, "t0816"), 403, "security/Forbidden");
    check_error(verify(sim, {device(theirs)}), 403, "security/Forbidden");
    check_refused(verify(sim, {device(theirs)}, "t0815"), "does not lead to");
    sim.as_new("t0815", "sees", "ROLE_TENANT_MANAGEMENT_READ");
    CHECK(verify(sim, {device(mine)}).status == 200);
    sim.as_new("management", "admin");
    CHECK(verify(sim, {device(theirs)}).text("tenantId") == "t0816");
    sim.as_new("t0815", "service_mqtt-broker", "ROLE_X"); // a service user needs no role
    CHECK(verify(sim, {device(mine)}).text("tenantId") == "t0815");
    CHECK(verify(sim, {device(theirs)}).text("tenantId") == "t0816");
    sim.as_device();
    check_error(verify(sim, {device(mine)}), 403, "security/Forbidden");
    sim.as("t0815/admin", "wrong");
    check_error(verify(sim, {device(mine)}), 401, "security/Unauthorized");
}
