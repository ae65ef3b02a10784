#include "broker/login_numbers.hpp"

namespace broker {

namespace {

using ops::metric_kind;
using ops::samples;

double number(std::uint64_t value) { return static_cast<double>(value); }

void count(ops::metrics& into, const char* name, const char* help, const std::uint64_t& value) {
    into.counted(name, help, [&value] { return value; });
}

void declare_outcomes(ops::metrics& into, const login::login_counters& logins) {
    into.collected(metric_kind::counter, "mqtt_logins_total", "Logins by method and outcome", {"method", "outcome"},
                   [&logins](samples& to) {
                       to.add({"password", "accepted"}, number(logins.accepted_password));
                       to.add({"password", "refused"}, number(logins.refused_credentials));
                       to.add({"password", "forbidden"}, number(logins.refused_basic));
                       to.add({"certificate", "accepted"}, number(logins.accepted_certificate));
                       to.add({"certificate", "refused"}, number(logins.refused_certificate));
                       to.add({"certificate", "other_client_id"}, number(logins.refused_name));
                       to.add({"none", "refused"}, number(logins.refused_form));
                       to.add({"any", "throttled"}, number(logins.throttled));
                       to.add({"any", "busy"}, number(logins.busy));
                       to.add({"any", "unavailable"}, number(logins.unavailable));
                   });
}

void declare_memory(ops::metrics& into, const login::authenticator& logins, const auth::credential_cache& cache) {
    const auto& counters = cache.counters();
    count(into, "mqtt_credentials_hits_total", "Passwords answered from memory", counters.hits);
    count(into, "mqtt_credentials_asked_total", "Passwords the provider was asked about", counters.asked);
    count(into, "mqtt_credentials_refreshed_total", "Of these, asked again in the background", counters.refreshed);
    count(into, "mqtt_credentials_stale_total", "Logins by what was right when the provider could last be asked",
          counters.served_stale);
    into.computed("mqtt_credentials_remembered", "Remembered credentials",
                  [&cache] { return number(cache.remembered()); });
    into.computed("mqtt_login_failures_users", "Users with failed logins in memory",
                  [&logins] { return number(logins.failures().users()); });
    into.computed("mqtt_login_failures_addresses", "Addresses with failed logins in memory",
                  [&logins] { return number(logins.failures().addresses()); });
}

void declare_platform(ops::metrics& into, const auth::platform_login& platform) {
    const auto& provider = platform.provider();
    const auto& counters = provider.counters();
    count(into, "mqtt_platform_logins_total", "Requests to the platform about a login", counters.requests);
    count(into, "mqtt_platform_logins_failed_total", "Of these without a usable answer", counters.failed);
    count(into, "mqtt_platform_logins_throttled_total", "Of these answered 429", counters.throttled);
    count(into, "mqtt_platform_logins_not_asked_total", "Logins the platform was spared", counters.not_asked);
    count(into, "mqtt_platform_logins_turned_away_total", "Logins that found the queue to the platform full",
          counters.turned_away);
    into.computed("mqtt_platform_paused", "1 while the platform is left alone after failures",
                  [&provider] { return provider.breaker().open() ? 1.0 : 0.0; });
    into.computed("mqtt_platform_logins_waiting", "Logins that wait for a request to the platform",
                  [&provider] { return number(provider.waiting()); });
    const auto* trust = platform.trust();
    if (trust == nullptr) return;
    count(into, "mqtt_platform_certificates_fetched_total", "Trusted certificates fetched, once per tenant and round",
          trust->counters().fetched);
    count(into, "mqtt_platform_certificates_failed_total", "Of these that failed", trust->counters().failed);
    into.computed("mqtt_platform_trust_anchors", "Trust anchors in memory",
                  [trust] { return number(trust->anchors()); });
}

} // namespace

void declare_login_metrics(ops::metrics& into, const login::authenticator& logins, const auth::credential_cache& cache,
                           const auth::platform_login* platform) {
    declare_outcomes(into, logins.counters());
    declare_memory(into, logins, cache);
    if (platform != nullptr) declare_platform(into, *platform);
}

} // namespace broker
