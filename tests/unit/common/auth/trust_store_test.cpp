#include "common/auth/trust_store.hpp"

#include "tests/unit/common/auth/make_certificate.hpp"

#include "tests/unit/common/notification2/show_result.hpp"

#include <catch2/catch.hpp>

using namespace auth;

namespace {

const core::tenant_id tenant{"t0815"};

make::options authority(std::string name) {
    make::options with;
    with.common_name = std::move(name);
    with.authority = true;
    return with;
}

make::options leaf(std::string name = "dev-7") {
    make::options with;
    with.common_name = std::move(name);
    return with;
}

trust_store trusting(const make::issued& ca, bool enabled = true, bool auto_registration = true) {
    trust_store store;
    REQUIRE(store.add(tenant, {"plant-ca", certificate::from_der(ca.der).value(), enabled, auto_registration}));
    return store;
}

core::error_code refusal(const trust_store& store, const std::vector<std::string>& chain,
                         std::int64_t now_s = make::now_s) {
    const auto verified = store.verify_chain(tenant, chain, now_s);
    return verified ? core::error_code{} : verified.error();
}

} // namespace

TEST_CASE("chain: leaf alone, with its anchor, and with more behind it", "[auth][ref-F.4]") {
    const auto root = make::certificate(authority("root"));
    const auto middle = make::certificate(authority("middle"), &root);
    const auto device = make::certificate(leaf(), &middle);
    const auto by_middle = trusting(middle);
    const auto identity = by_middle.verify_chain(tenant, std::vector<std::string>{device.der}, make::now_s);
    REQUIRE(identity);
    CHECK(identity->common_name == "dev-7");
    CHECK(identity->anchor_name == "plant-ca");
    CHECK(identity->anchor_fingerprint == certificate::from_der(middle.der)->fingerprint());
    CHECK(identity->anchor_fingerprint.size() == 40);
    CHECK_FALSE(refusal(by_middle, {device.der, middle.der}));
    CHECK_FALSE(refusal(by_middle, {device.der, middle.der, root.der}));
    const auto by_root = trusting(root);
    CHECK_FALSE(refusal(by_root, {device.der, middle.der, root.der}));
    // Up to and including the trusted certificate: the anchor itself may be left out only behind a lone leaf.
    CHECK(refusal(by_root, {device.der, middle.der}) == errc::not_trusted);
    CHECK(refusal(by_root, {device.der}) == errc::not_trusted);
}

TEST_CASE("chain: wrong order, gaps and strangers", "[auth][ref-F.4]") {
    const auto root = make::certificate(authority("root"));
    const auto middle = make::certificate(authority("middle"), &root);
    const auto device = make::certificate(leaf(), &middle);
    const auto stranger = make::certificate(authority("stranger"));
    const auto store = trusting(root);
    CHECK(refusal(store, {device.der, root.der}) == errc::chain_order);
    CHECK(refusal(store, {device.der, stranger.der, root.der}) == errc::chain_order);
    CHECK(refusal(store, {root.der, middle.der, device.der}) == errc::not_trusted);
    CHECK(refusal(store, {device.der, middle.der, stranger.der}) == errc::not_trusted);
    CHECK(refusal(store, {root.der}) == errc::not_trusted);
    CHECK(refusal(trust_store{}, {device.der, middle.der, root.der}) == errc::not_trusted);
    const core::tenant_id other{"t4711"};
    CHECK(store.verify_chain(other, std::vector<std::string>{device.der, middle.der, root.der}, make::now_s).error() ==
          errc::not_trusted);
}

TEST_CASE("chain: bytes that are no certificates, too many, none", "[auth]") {
    const auto root = make::certificate(authority("root"));
    const auto device = make::certificate(leaf(), &root);
    const auto store = trusting(root);
    CHECK(refusal(store, {}) == errc::no_certificate);
    CHECK(refusal(store, {""}) == errc::bad_certificate);
    CHECK(refusal(store, {"\x30\x82\xff\xff"}) == errc::bad_certificate);
    CHECK(refusal(store, {device.der + "x"}) == errc::bad_certificate);
    CHECK(refusal(store, {device.der.substr(0, device.der.size() - 1)}) == errc::bad_certificate);
    CHECK(refusal(store, {device.pem}) == errc::bad_certificate);
    CHECK(refusal(store, std::vector<std::string>(11, device.der)) == errc::chain_too_long);
}

TEST_CASE("chain: a forged signature under the right names", "[auth]") {
    const auto root = make::certificate(authority("root"));
    const auto impostor = make::certificate(authority("root"));
    const auto device = make::certificate(leaf(), &impostor);
    const auto store = trusting(root);
    CHECK(refusal(store, {device.der}) == errc::not_trusted);
    CHECK(refusal(store, {device.der, root.der}) == errc::bad_signature);
    CHECK(refusal(store, {device.der, impostor.der}) == errc::not_trusted);
    // Both anchors bear one name, as after a renewal: the signature decides.
    auto both = trusting(root);
    REQUIRE(both.add(tenant, {"renewed", certificate::from_der(impostor.der).value(), true, true}));
    CHECK(both.verify_chain(tenant, std::vector<std::string>{device.der}, make::now_s)->anchor_name == "renewed");
    CHECK_FALSE(both.add(tenant, {"again", certificate::from_der(root.der).value(), true, true}));
    CHECK(both.anchors(tenant).size() == 2);
}

TEST_CASE("chain: settings of the anchor", "[auth][ref-F.3]") {
    const auto root = make::certificate(authority("root"));
    const auto device = make::certificate(leaf(), &root);
    CHECK(refusal(trusting(root, false, true), {device.der}) == errc::anchor_disabled);
    CHECK(refusal(trusting(root, true, false), {device.der}) == errc::auto_registration_off);
    CHECK(refusal(trusting(root, false, true), {device.der, root.der}) == errc::anchor_disabled);
}

TEST_CASE("chain: every signer must be an authority and honour path lengths", "[auth][ref-F.4]") {
    const auto root = make::certificate(authority("root"));
    const auto no_authority = make::certificate(leaf("middle"), &root);
    auto device = make::certificate(leaf(), &no_authority);
    CHECK(refusal(trusting(root), {device.der, no_authority.der, root.der}) == errc::signer_not_ca);
    auto with = authority("middle");
    with.sign_right = false;
    const auto no_right = make::certificate(with, &root);
    device = make::certificate(leaf(), &no_right);
    CHECK(refusal(trusting(root), {device.der, no_right.der, root.der}) == errc::signer_not_ca);
    with = authority("middle");
    with.basic_constraints = false;
    const auto unstated = make::certificate(with, &root);
    device = make::certificate(leaf(), &unstated);
    CHECK(refusal(trusting(root), {device.der, unstated.der, root.der}) == errc::signer_not_ca);
    with = authority("short root");
    with.path_length = 0;
    const auto short_root = make::certificate(with);
    const auto middle = make::certificate(authority("middle"), &short_root);
    device = make::certificate(leaf(), &middle);
    CHECK(refusal(trusting(short_root), {device.der, middle.der, short_root.der}) == errc::path_too_long);
    CHECK_FALSE(refusal(trusting(short_root), {make::certificate(leaf(), &short_root).der, short_root.der}));
    with.path_length = 1;
    with.common_name = "longer root";
    const auto longer = make::certificate(with);
    const auto below = make::certificate(authority("below"), &longer);
    CHECK_FALSE(refusal(trusting(longer), {make::certificate(leaf(), &below).der, below.der, longer.der}));
}

TEST_CASE("chain: all must be valid in time, the anchor too", "[auth][ref-F.4]") {
    auto old = authority("root");
    old.to_s = make::now_s - 1;
    const auto root = make::certificate(old);
    const auto device = make::certificate(leaf(), &root);
    CHECK(refusal(trusting(root), {device.der, root.der}) == errc::certificate_expired);
    CHECK(refusal(trusting(root), {device.der}) == errc::certificate_expired);
    CHECK_FALSE(refusal(trusting(root), {device.der}, make::now_s - 10));
    CHECK(refusal(trusting(root), {device.der}, make::now_s - 200'000) == errc::not_yet_valid);
    const auto good = make::certificate(authority("good"));
    auto early = leaf();
    early.from_s = make::now_s + 10;
    CHECK(refusal(trusting(good), {make::certificate(early, &good).der}) == errc::not_yet_valid);
    auto late = leaf();
    late.to_s = make::now_s - 10;
    CHECK(refusal(trusting(good), {make::certificate(late, &good).der}) == errc::certificate_expired);
}

TEST_CASE("chain: revoked leaf and revoked signer", "[auth][ref-F.5]") {
    const auto root = make::certificate(authority("root"));
    const auto middle = make::certificate(authority("middle"), &root);
    const auto device = make::certificate(leaf(), &middle);
    const auto serial_of = [](const make::issued& one) { return certificate::from_der(one.der)->number().serial; };
    const std::vector<std::string> chain{device.der, middle.der, root.der};
    const auto revoking = [&](const revocation_list& list) {
        auto store = trusting(root);
        store.revoke(tenant, list);
        return refusal(store, chain);
    };
    revocation_list leaf_by_number;
    REQUIRE(leaf_by_number.add_serial(serial_of(device)));
    CHECK(revoking(leaf_by_number) == errc::revoked);
    revocation_list signer;
    REQUIRE(signer.add_crl(make::revocation_list(root, {serial_of(middle)}), revocation_scope::issuer).value() == 1);
    CHECK(revoking(signer) == errc::revoked);
    revocation_list of_another; // the number stands in the list of an authority that did not give it
    REQUIRE(of_another.add_crl(make::revocation_list(root, {serial_of(device)}), revocation_scope::issuer));
    CHECK_FALSE(revoking(of_another));
    revocation_list anchor; // it has a switch of its own
    REQUIRE(anchor.add_serial(serial_of(root)));
    CHECK_FALSE(revoking(anchor));
    auto elsewhere = trusting(root);
    elsewhere.revoke(core::tenant_id{"t4711"}, leaf_by_number);
    CHECK_FALSE(refusal(elsewhere, chain));
}

TEST_CASE("trust: who was let in may stay until anchor or certificate go", "[auth][ref-F.3][ref-F.5]") {
    const auto root = make::certificate(authority("root"));
    const auto device = make::certificate(leaf(), &root);
    auto store = trusting(root);
    const auto identity = store.verify_chain(tenant, std::vector<std::string>{device.der}, make::now_s).value();
    CHECK(store.still_trusted(tenant, identity));
    CHECK(store.still_trusted(core::tenant_id{"t4711"}, identity).error() == errc::not_trusted);
    revocation_list list;
    REQUIRE(list.add_serial(certificate::from_der(device.der)->number().serial));
    const auto anchor = certificate::from_der(root.der).value();
    store.set(tenant, {{"plant-ca", anchor, true, true}}, list);
    CHECK(store.still_trusted(tenant, identity).error() == errc::revoked);
    store.set(tenant, {{"plant-ca", anchor, false, true}}, {});
    CHECK(store.still_trusted(tenant, identity).error() == errc::anchor_disabled);
    store.set(tenant, {{"renamed", anchor, true, true}, {"twice", anchor, true, true}}, {});
    CHECK(store.still_trusted(tenant, identity));
    CHECK(store.anchors(tenant).size() == 1);
    store.remove(tenant);
    CHECK(store.still_trusted(tenant, identity).error() == errc::not_trusted);
    CHECK(store.anchors_count() == 0);
    CHECK(store.owners(identity.anchor_fingerprint).empty());
}

namespace {

constexpr std::size_t many = 2'000;

/// Authorities with key identifiers, of one name or each of its own; made once, because their keys take time.
const std::vector<make::issued>& authorities(bool one_name) {
    static std::vector<make::issued> made[2];
    auto& all = made[one_name ? 1 : 0];
    while (all.size() < many) {
        auto with = authority(one_name ? "device-ca" : "ca-" + std::to_string(all.size()));
        with.key_identifiers = true;
        all.push_back(make::certificate(with));
    }
    return all;
}

/// What one login looks at, among `tenants` tenants with an anchor of their own.
std::uint64_t anchors_looked_at(std::size_t tenants, bool one_name, bool with_chain, bool names_tenant) {
    const auto& all = authorities(one_name);
    trust_store store;
    for (std::size_t i = 0; i < tenants; ++i)
        REQUIRE(store.add(core::tenant_id("t" + std::to_string(i)),
                          {"ca", certificate::from_der(all[i].der).value(), true, true}));
    auto with = leaf();
    with.key_identifiers = true;
    const auto& signer = all[tenants - 1];
    const auto device = make::certificate(with, &signer);
    std::vector<std::string> chain{device.der};
    if (with_chain) chain.push_back(signer.der);
    const core::tenant_id home("t" + std::to_string(tenants - 1));
    if (!names_tenant) CHECK(store.tenant_of(chain).value() == home);
    CHECK(store.verify_chain(home, chain, make::now_s));
    return store.examined();
}

} // namespace

TEST_CASE("trust: a login costs the same among few tenants and among many", "[auth]") {
    const bool one_name = GENERATE(false, true);
    const bool with_chain = GENERATE(false, true);
    const bool names_tenant = GENERATE(false, true);
    const auto few = anchors_looked_at(3, one_name, with_chain, names_tenant);
    CHECK(few <= 2);
    CHECK(anchors_looked_at(many, one_name, with_chain, names_tenant) == few);
}

TEST_CASE("trust: without key identifiers only so many signatures of one name are tried", "[auth]") {
    trust_store store;
    make::issued last;
    for (std::size_t i = 0; i <= signature_tries_max; ++i) {
        last = make::certificate(authority("device-ca"));
        REQUIRE(store.add(core::tenant_id("t" + std::to_string(i)),
                          {"ca", certificate::from_der(last.der).value(), true, true}));
    }
    const auto stranger = make::certificate(authority("device-ca"));
    const std::vector<std::string> foreign{make::certificate(leaf(), &stranger).der};
    CHECK(store.tenant_of(foreign).error() == errc::ambiguous_tenant);
    CHECK(store.verify_chain(core::tenant_id{"t3"}, foreign, make::now_s).error() == errc::not_trusted);
    const std::vector<std::string> whole{make::certificate(leaf(), &last).der, last.der};
    CHECK(store.tenant_of(whole).value() == core::tenant_id("t" + std::to_string(signature_tries_max)));
}

TEST_CASE("chain: weak digests and odd names", "[auth]") {
    const auto root = make::certificate(authority("root"));
    auto weak = leaf();
    weak.sha1 = true;
    CHECK(refusal(trusting(root), {make::certificate(weak, &root).der}) == errc::chain_refused);
    CHECK(refusal(trusting(root), {make::certificate(leaf(""), &root).der}) == errc::bad_common_name);
    auto two = leaf();
    two.second_common_name = "dev-8";
    CHECK(refusal(trusting(root), {make::certificate(two, &root).der}) == errc::bad_common_name);
    CHECK(refusal(trusting(root), {make::certificate(leaf(std::string("dev\0-7", 6)), &root).der}) ==
          errc::bad_common_name);
    const auto identity = trusting(root).verify_chain(
        tenant, std::vector<std::string>{make::certificate(leaf("d\xC3\xA4v"), &root).der}, make::now_s);
    REQUIRE(identity);
    CHECK(identity->common_name == "d\xC3\xA4v");
}

TEST_CASE("chain: the tenant is found when only one trusts it", "[auth][ref-A.4]") {
    const auto root = make::certificate(authority("root"));
    const auto device = make::certificate(leaf(), &root);
    const std::vector<std::string> chain{device.der};
    auto store = trusting(root);
    CHECK(store.tenant_of(chain).value() == tenant);
    const auto anchor = certificate::from_der(root.der).value();
    REQUIRE(store.add(core::tenant_id{"t4711"}, {"same", anchor, false, true}));
    CHECK(store.tenant_of(chain).value() == tenant); // a disabled anchor does not count
    REQUIRE(store.add(core::tenant_id{"t4712"}, {"same", anchor, true, true}));
    CHECK(store.tenant_of(chain).error() == errc::ambiguous_tenant);
    CHECK(trust_store{}.tenant_of(chain).error() == errc::not_trusted);
    REQUIRE(store.add(core::tenant_id{"t4713"}, {"same", anchor, true, true, {}, {}, true}));
    const std::vector<std::string> whole{device.der, root.der};
    CHECK(store.tenant_of(chain).value() == core::tenant_id{"t4713"}); // the only one that has shown to have the key
    CHECK(store.tenant_of(whole).value() == core::tenant_id{"t4713"});
    REQUIRE(store.add(core::tenant_id{"t4714"}, {"same", anchor, false, true, {}, {}, true}));
    CHECK(store.tenant_of(whole).value() == core::tenant_id{"t4713"});
    REQUIRE(store.add(core::tenant_id{"t4715"}, {"same", anchor, true, true, {}, {}, true}));
    CHECK(store.tenant_of(chain).error() == errc::ambiguous_tenant);
    CHECK(store.tenant_of(whole).error() == errc::ambiguous_tenant);
}

TEST_CASE("chain: it is good until the first of its certificates ends", "[auth]") {
    const auto until = [](std::int64_t root_s, std::int64_t middle_s, std::int64_t leaf_s) {
        auto top = authority("root");
        top.to_s = root_s;
        const auto root = make::certificate(top);
        auto between = authority("middle");
        between.to_s = middle_s;
        const auto middle = make::certificate(between, &root);
        auto end = leaf();
        end.to_s = leaf_s;
        const auto device = make::certificate(end, &middle);
        const std::vector<std::string> chain{device.der, middle.der, root.der};
        return trusting(root).verify_chain(tenant, chain, make::now_s).value().valid_until_s;
    };
    CHECK(until(make::now_s + 30, make::now_s + 20, make::now_s + 10) == make::now_s + 10);
    CHECK(until(make::now_s + 30, make::now_s + 10, make::now_s + 20) == make::now_s + 10);
    CHECK(until(make::now_s + 10, make::now_s + 30, make::now_s + 20) == make::now_s + 10);
}
