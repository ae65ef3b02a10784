#include "broker/tenant/settings.hpp"

#include <catch2/catch.hpp>

using namespace broker::tenant;
using auth::clean_session_policy;
using auth::isolation;
using auth::retain_policy;

TEST_CASE("tenant settings: the default profile is preview", "[tenant]") {
    const auto settings = resolve({}, nullptr);
    CHECK(settings.profile == "preview");
    CHECK(settings.isolation == isolation::tenant);
    CHECK_FALSE(settings.session.wildcards);
    CHECK(settings.session.clean_session == clean_session_policy::treat_as_clean);
    CHECK(settings.session.retain == retain_policy::ignore);
    CHECK(settings.session.empty_client_id_assigned);
    CHECK_FALSE(settings.certificate_names_client);
    CHECK(settings.basic_authentication);
    CHECK(settings.rates == rate_limits{});
}

TEST_CASE("tenant settings: ga keeps devices apart and has the hard quotas", "[tenant]") {
    auth::tenant_options own;
    own.profile = "ga";
    const auto settings = resolve({}, &own);
    CHECK(settings.isolation == isolation::device);
    CHECK(settings.session.wildcards);
    CHECK(settings.session.clean_session == clean_session_policy::refuse_unclean);
    CHECK(settings.session.retain == retain_policy::refuse);
    CHECK_FALSE(settings.session.empty_client_id_assigned);
    CHECK(settings.session.core_topics_reserved);
    CHECK(settings.certificate_names_client);
    CHECK(settings.rates.connections == 1000);
    CHECK(settings.rates.connect_rate == 100);
    CHECK(settings.rates.publish_rate == 1000);
    CHECK(settings.rates.publish_rate_per_client == 0);
    CHECK(settings.rates.delivery_rate == 100);
}

TEST_CASE("tenant settings: every switch can be set apart from its profile", "[tenant]") {
    const std::string profile = GENERATE("preview", "ga");
    auth::tenant_options own;
    own.profile = profile;
    const auto base = resolve({}, &own);
    own.switches.isolation = base.isolation == isolation::tenant ? isolation::device : isolation::tenant;
    CHECK(resolve({}, &own).isolation == *own.switches.isolation);
    own.switches.wildcards = !base.session.wildcards;
    CHECK(resolve({}, &own).session.wildcards == *own.switches.wildcards);
    own.switches.clean_session = base.session.clean_session == clean_session_policy::refuse_unclean
                                     ? clean_session_policy::treat_as_clean
                                     : clean_session_policy::refuse_unclean;
    CHECK(resolve({}, &own).session.clean_session == *own.switches.clean_session);
    own.switches.retain = base.session.retain == retain_policy::refuse ? retain_policy::ignore : retain_policy::refuse;
    CHECK(resolve({}, &own).session.retain == *own.switches.retain);
    own.switches.assign_client_id = !base.session.empty_client_id_assigned;
    CHECK(resolve({}, &own).session.empty_client_id_assigned == *own.switches.assign_client_id);
    own.switches.core_topics_reserved = false;
    CHECK_FALSE(resolve({}, &own).session.core_topics_reserved);
    own.switches.error_topic = false;
    CHECK_FALSE(resolve({}, &own).session.error_topic_offered);
    own.switches.certificate_names_client = !base.certificate_names_client;
    CHECK(resolve({}, &own).certificate_names_client == *own.switches.certificate_names_client);
    own.switches.basic_authentication = false;
    CHECK_FALSE(resolve({}, &own).basic_authentication);
}

TEST_CASE("tenant settings: the tenant's limits win over the process's, those over the profile's", "[tenant]") {
    tenant_defaults defaults;
    defaults.session.packet_bytes_max = 50'000;
    defaults.options.profile = "ga";
    defaults.options.limits.connections = 7;
    auth::tenant_options own;
    own.limits.publish_rate = 9;
    own.limits.topic_bytes = 11;
    auto settings = resolve(defaults, &own);
    CHECK(settings.profile == "ga");
    CHECK(settings.session.packet_bytes_max == 50'000);
    CHECK(settings.rates.connections == 7);
    CHECK(settings.rates.publish_rate == 9);
    CHECK(settings.session.topic_bytes_max == 11);
    own.limits.connections = 0;
    CHECK(resolve(defaults, &own).rates.connections == 0);
    own = {};
    own.profile = "preview"; // the process's limits belong to its own profile
    settings = resolve(defaults, &own);
    CHECK(settings.rates.connections == 0);
    CHECK(settings.session.packet_bytes_max == 50'000);
}
