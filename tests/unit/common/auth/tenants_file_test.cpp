#include "common/auth/tenants_file.hpp"

#include "tests/unit/common/auth/make_certificate.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace auth;
using Catch::Contains;

namespace {

const std::string hash = "scrypt:16:8:1:MTIzNDU2Nzg=:MTIzNDU2Nzg5MDEyMzQ1Ng==";

make::issued authority() {
    make::options with;
    with.common_name = "plant";
    with.authority = true;
    return make::certificate(with);
}

std::string complaints_of(const make::directory& in, const std::string& yaml) {
    const auto loaded = load_tenants(in.write("tenants.yaml", yaml));
    CHECK(loaded.directory == nullptr);
    return loaded.complaints;
}

} // namespace

TEST_CASE("tenants.yaml: users, roles, profile and anchors", "[auth]") {
    const make::directory in;
    in.write("ca.pem", authority().pem);
    const auto loaded = load_tenants(in.write(
        "tenants.yaml", "tenants:\n"
                        "  t0815:\n"
                        "    profile: ga\n"
                        "    users:\n"
                        "      device1: { password: \"" +
                            hash +
                            "\", roles: [] }\n"
                            "      admin: { password: { plain: secret }, roles: [ROLE_A, ROLE_B2] }\n"
                            "    trust_anchors:\n"
                            "      - { name: plant-ca, file: ca.pem, enabled: false, auto_registration: true }\n"
                            "  t4711: {}\n"));
    INFO(loaded.complaints);
    REQUIRE(loaded.directory);
    CHECK(loaded.complaints.empty());
    const auto& tenant = loaded.directory->tenants.at(core::tenant_id{"t0815"});
    CHECK(tenant.options.profile == "ga");
    CHECK(tenant.users.at("device1").hash.has_value());
    CHECK(tenant.users.at("admin").plain == "secret");
    CHECK(tenant.users.at("admin").roles == std::vector<std::string>{"ROLE_A", "ROLE_B2"});
    const auto anchors = loaded.directory->trust.anchors(core::tenant_id{"t0815"});
    REQUIRE(anchors.size() == 1);
    CHECK(anchors[0].name == "plant-ca");
    CHECK_FALSE(anchors[0].enabled);
    CHECK(anchors[0].auto_registration);
    CHECK(loaded.directory->tenants.contains(core::tenant_id{"t4711"}));
    // The check for nobody costs what the costliest user costs, at least the default.
    CHECK(loaded.directory->dummy.parameters == scrypt_parameters{});
}

TEST_CASE("tenants.yaml: who judges no certificates needs no file of an anchor or a revocation list", "[auth]") {
    const make::directory in;
    std::filesystem::create_directory(in.path + "/trust");
    in.write("trust/no tenant's", "");
    const auto file = in.write("tenants.yaml", "tenants:\n"
                                               "  t0815:\n"
                                               "    users: { u: { password: { plain: p } } }\n"
                                               "    store: { topics_per_tenant: 3 }\n"
                                               "    trust_anchors: [ { file: not-there.pem } ]\n"
                                               "    crl: not-there.crl\n");
    CHECK_THAT(load_tenants(file).complaints, Contains("not-there.pem"));
    const auto loaded = load_tenants(file, trust_reading::left_out);
    INFO(loaded.complaints);
    REQUIRE(loaded.directory);
    CHECK(loaded.directory->tenants.at(core::tenant_id{"t0815"}).options.store.topics_per_tenant == 3);
    CHECK(loaded.directory->trust.anchors_count() == 0);
    CHECK(loaded.files == std::vector<std::string>{file}); // nor are they watched
}

TEST_CASE("tenants.yaml: each mistake is told with its place", "[auth]") {
    const make::directory in;
    CHECK_THAT(load_tenants(in.path + "/absent.yaml").complaints, Contains("absent.yaml"));
    CHECK_THAT(complaints_of(in, "tenant: {}\n"), Contains("tenants"));
    CHECK_THAT(complaints_of(in, "tenants: 7\n"), Contains("tenants.yaml:1:"));
    CHECK_THAT(complaints_of(in, "tenants:\n  t1:\n    profil: ga\n"),
               Contains("tenants.yaml:3:") && Contains("profile"));
    CHECK_THAT(complaints_of(in, "tenants:\n  t1:\n    profile: extended\n"), Contains("must be preview or ga"));
    CHECK_THAT(complaints_of(in, "tenants:\n  \"t/1\": {}\n"), Contains("slash"));
    CHECK_THAT(complaints_of(in, "tenants:\n  t1:\n    users:\n      u: {}\n"), Contains("password"));
    CHECK_THAT(complaints_of(in, "tenants:\n  t1:\n    users:\n      u: { password: { plain: \"\" } }\n"),
               Contains("must not be empty"));
    CHECK_THAT(complaints_of(in, "tenants:\n  t1:\n    users:\n      u: { password: { plaim: x } }\n"),
               Contains("plain"));
    CHECK_THAT(
        complaints_of(in, "tenants:\n  t1:\n    users:\n      u: { password: \"" + hash + "\", roles: [\"a b\"] }\n"),
        Contains("capital letters"));
    const auto leaked = complaints_of(in, "tenants:\n  t1:\n    users:\n      u: { password: my-secret }\n");
    CHECK_THAT(leaked, Contains("scrypt:N:r:p") && Contains("tenants.yaml:4:"));
    CHECK_THAT(leaked, !Contains("my-secret"));
}

TEST_CASE("tenants.yaml: each anchor file must hold one authority", "[auth]") {
    const make::directory in;
    const auto with_file = [&](const std::string& file) {
        return complaints_of(in, "tenants:\n  t1:\n    trust_anchors:\n      - { name: a, file: " + file + " }\n");
    };
    CHECK_THAT(with_file("absent.pem"), Contains("cannot read") && Contains("tenants.yaml:4:"));
    in.write("text.pem", "hello");
    CHECK_THAT(with_file("text.pem"), Contains("not well-formed"));
    in.write("two.pem", authority().pem + authority().pem);
    CHECK_THAT(with_file("two.pem"), Contains("must hold one certificate, not 2"));
    auto broken = authority().pem;
    broken[100] = '!';
    in.write("broken.pem", broken);
    CHECK_THAT(with_file("broken.pem"), Contains("not well-formed"));
    make::options leaf;
    leaf.common_name = "leaf";
    in.write("leaf.pem", make::certificate(leaf).pem);
    CHECK_THAT(with_file("leaf.pem"), Contains("not an authority"));
    in.write("ca.pem", authority().pem);
    CHECK_THAT(
        complaints_of(in, "tenants:\n  t1:\n    trust_anchors:\n      - { file: ca.pem }\n      - { file: ca.pem }\n"),
        Contains("already an anchor"));
}

TEST_CASE("tenants.yaml: revoked certificates by list or by file", "[auth][ref-F.5]") {
    const make::directory in;
    const auto ca = authority();
    make::options with;
    with.common_name = "dev-7";
    const auto device = make::certificate(with, &ca);
    const auto serial = certificate::from_der(device.der)->number().serial;
    in.write("ca.pem", ca.pem);
    in.write("list.pem", make::revocation_list(ca, {serial}, true));
    in.write("list.der", make::revocation_list(ca, {serial}));
    in.write("empty.crl", make::revocation_list(ca, {}));
    const auto refusal = [&](const std::string& crl) {
        const auto loaded = load_tenants(in.write(
            "tenants.yaml",
            "tenants:\n  t1:\n    trust_anchors:\n      - { file: ca.pem, auto_registration: true }\n    crl: " + crl +
                "\n"));
        INFO(loaded.complaints);
        REQUIRE(loaded.directory);
        const auto judged = loaded.directory->trust.verify_chain(core::tenant_id{"t1"},
                                                                 std::vector<std::string>{device.der}, make::now_s);
        return judged ? core::error_code{} : judged.error();
    };
    CHECK(refusal("list.pem") == errc::revoked);
    CHECK(refusal("list.der") == errc::revoked);
    CHECK(refusal("[ \"" + serial + "\", aa:bb ]") == errc::revoked);
    CHECK_FALSE(refusal("[ aa:bb ]"));
    CHECK_FALSE(refusal("[]"));
    CHECK_FALSE(refusal("empty.crl"));
    const auto complaint = [&](const std::string& crl) {
        return complaints_of(in, "tenants:\n  t1:\n    crl: " + crl + "\n");
    };
    CHECK_THAT(complaint("absent.pem"), Contains("cannot read") && Contains("tenants.yaml:3:"));
    CHECK_THAT(complaint(std::string(300, 'x')),
               Contains("cannot read") && Contains("too long")); // nobody can look there
    CHECK_THAT(complaint("ca.pem"), Contains("neither PEM nor DER"));
    CHECK_THAT(complaint("[ xyz ]"), Contains("hexadecimal"));
    CHECK_THAT(complaint("{ file: list.pem }"), Contains("crl"));
}

TEST_CASE("tenants.yaml: all mistakes of a file are told at once", "[auth]") {
    const make::directory in;
    const auto text =
        complaints_of(in, "tenants:\n  t1:\n    profile: x\n    users:\n      u: { password: y, rolles: [] }\n");
    CHECK(std::count(text.begin(), text.end(), '\n') >= 2);
    CHECK_THAT(text, Contains("must be preview or ga") && Contains("scrypt:N:r:p") && Contains("rolles"));
}

TEST_CASE("tenants.yaml: switches, limits and store limits of a tenant", "[auth]") {
    const make::directory in;
    const auto loaded = load_tenants(in.write(
        "tenants.yaml",
        "tenants:\n"
        "  t1:\n"
        "    profile: preview\n"
        "    switches: { isolation: device, wildcards: true, unclean_session: refuse, retain: refuse,\n"
        "                assign_client_id: false, core_topics: ordinary, error_topic: false,\n"
        "                certificate_names_client: true, basic_authentication: false, qos2: false }\n"
        "    limits: { connections: 3, connect_rate: 4, publish_rate: 5, publish_rate_per_client: 6,\n"
        "              delivery_rate: 7, throughput_bytes: 1MiB, topic_creation_rate_per_client: 8,\n"
        "              packet_bytes: 2KiB, client_id_bytes: 9, topic_bytes: 10, subscriptions_per_client: 11 }\n"
        "    store: { backlog_bytes_per_topic: 1KiB, backlog_bytes_per_tenant: 2KiB, ttl: 3s, topics_per_tenant: 300 "
        "}\n"));
    INFO(loaded.complaints);
    REQUIRE(loaded.directory);
    const auto& options = loaded.directory->tenants.at(core::tenant_id{"t1"}).options;
    CHECK(options.switches.isolation == isolation::device);
    CHECK(options.switches.wildcards == true);
    CHECK(options.switches.clean_session == clean_session_policy::refuse_unclean);
    CHECK(options.switches.retain == retain_policy::refuse);
    CHECK(options.switches.assign_client_id == false);
    CHECK(options.switches.core_topics_reserved == false);
    CHECK(options.switches.error_topic == false);
    CHECK(options.switches.certificate_names_client == true);
    CHECK(options.switches.basic_authentication == false);
    CHECK(options.limits.connections == 3u);
    CHECK(options.limits.connect_rate == 4u);
    CHECK(options.limits.publish_rate == 5u);
    CHECK(options.limits.publish_rate_per_client == 6u);
    CHECK(options.limits.delivery_rate == 7u);
    CHECK(options.limits.throughput_bytes == 1'048'576u);
    CHECK(options.limits.topic_creation_rate_per_client == 8u);
    CHECK(options.limits.packet_bytes == 2048u);
    CHECK(options.limits.client_id_bytes == 9);
    CHECK(options.limits.topic_bytes == 10);
    CHECK(options.limits.subscriptions_per_client == 11u);
    CHECK(options.store.backlog_bytes_per_topic == 1024u);
    CHECK(options.store.backlog_bytes_per_tenant == 2048u);
    CHECK(options.store.ttl == std::chrono::seconds(3));
    CHECK(options.store.topics_per_tenant == 300u);
}

TEST_CASE("tenants.yaml: what a later version may offer is refused with a sentence", "[auth]") {
    const make::directory in;
    const auto complaint = [&](const std::string& line) {
        return complaints_of(in, "tenants:\n  t1:\n    " + line + "\n");
    };
    CHECK_THAT(complaint("profile: extended"), Contains("not offered by this version"));
    CHECK_THAT(complaint("switches: { unclean_session: persistent }"),
               Contains("tenants.yaml:3:") && Contains("`persistent` is not offered by this version"));
    CHECK_THAT(complaint("switches: { retain: store }"), Contains("not offered by this version"));
    CHECK_THAT(complaint("switches: { core_topics: platform }"), Contains("not offered by this version"));
    CHECK_THAT(complaint("switches: { qos2: true }"), Contains("qos2") && Contains("not offered by this version"));
    CHECK_THAT(complaint("switches: { isolation: none }"), Contains("must be tenant or device"));
    CHECK_THAT(complaint("switches: { wildcard: true }"), Contains("wildcards"));
    CHECK_THAT(complaint("limits: { packet_bytes: 100 }"), Contains("1KiB"));
    CHECK_THAT(complaint("limits: { connections: -1 }"), Contains("connections"));
}
