#include "broker/service.hpp"

#include "common/auth/link_token.hpp"
#include "common/core/log.hpp"

#include <boost/asio/post.hpp>

#include <fstream>
#include <sstream>

namespace broker {

service::service(asio::io_context& loop, config settings)
    : loop_(loop), settings_(std::move(settings)), ops_(health_, metrics_), scratch_(256 * 1024) {}
service::~service() = default;

std::string service::read_token(std::string& why_not) const {
    if (!settings_.token_file.empty()) {
        std::string token;
        std::ifstream in(settings_.token_file);
        if (!(in >> token)) why_not = "messaging.token_file " + settings_.token_file + ": cannot read a token from it";
        return token;
    }
    const auto secret = auth::link_secret::load(settings_.secret_file);
    if (!secret) {
        why_not = "messaging.secret_file " + settings_.secret_file + ": " + secret.error().message() +
                  " (messaging makes it at its first start)";
        return {};
    }
    auth::link_claims claims;
    claims.role = auth::link_role::broker;
    claims.tenants = {"*"};
    auto minted = auth::mint_link_token(claims, *secret);
    if (minted) return std::move(*minted);
    why_not = minted.error().message();
    return {};
}

bool service::start(std::string& why_not) {
    if (!open_auth(why_not)) return false;
    msg_link::link_options options;
    options.url = settings_.messaging_url;
    options.token_source = [this](std::string& why) { return read_token(why); };
    options.ca_file = settings_.ca_file;
    options.name = "messaging";
    relay_ = std::make_unique<relay::relay>(loop_.get_executor(), std::move(options), clock_);
    health_.not_ready("link", "not connected to messaging yet");
    relay_->on_change([this](bool up) {
        if (up)
            health_.ready("link");
        else
            health_.not_ready("link", "the link to messaging is down");
    });
    shared_.emplace(edge::shared_parts{*relay_, *logins_, *tenants_, settings_.limits, clock_, counters_, scratch_});
    listener_ = std::make_unique<edge::listener>(loop_.get_executor(), *shared_);
    if (!open_doors(why_not) || !open_ops(why_not)) return false;
    relay_->start();
    if (platform_ && platform_->trust() != nullptr) platform_->trust()->start();
    listener_->start();
    return true;
}

bool service::open_auth(std::string& why_not) {
    const auto post = [this](std::function<void()> f) { asio::post(loop_, std::move(f)); };
    const bool by_platform = settings_.logins.provider == auth::provider_kind::platform;
    if (!settings_.logins.file.empty()) {
        users_ = auth::file_provider::open(settings_.logins.file, post, why_not);
        if (!users_) return false;
    } else if (!by_platform) {
        why_not = "auth.file is empty, and the provider is file";
        return false;
    }
    tenants_ = std::make_unique<tenant::tenant_registry>(settings_.tenants,
                                                         [this](std::string_view id) { return options_of(id); });
    if (by_platform) {
        platform_ = std::make_unique<auth::platform_login>(loop_.get_executor(), settings_.logins.platform, clock_,
                                                           post, settings_.tls.enabled);
        cache_ = &platform_->cache();
        trust_ = platform_->trust();
        if (auto* trust = platform_->trust()) trust->on_change([this] { recheck_certificates(); });
        if (users_)
            core::log::info("users and trust anchors come from the platform; the file gives profiles and limits",
                            {{"file", settings_.logins.file}});
    } else {
        file_cache_ = std::make_unique<auth::credential_cache>(*users_, clock_, post);
        file_trust_ = std::make_unique<auth::file_trust>(*users_, clock_);
        cache_ = file_cache_.get();
        trust_ = file_trust_.get();
    }
    if (users_)
        users_->on_reload([this] {
            // What the platform said stays true whatever the file says.
            if (file_cache_) file_cache_->invalidate();
            tenants_->reload();
            if (file_trust_) recheck_certificates();
        });
    logins_ = std::make_unique<login::authenticator>(
        *cache_, trust_, [this](std::string_view tenant) { return rules_of(tenant); }, clock_, settings_.throttle);
    return true;
}

const auth::tenant_options* service::options_of(std::string_view tenant) const {
    if (!users_) return nullptr;
    const auto& known = users_->directory()->tenants;
    const auto found = known.find(core::tenant_id(tenant));
    return found == known.end() ? nullptr : &found->second.options;
}

login::tenant_rules service::rules_of(std::string_view tenant) const {
    const auto settings = tenants_->settings_of(tenant);
    login::tenant_rules rules;
    rules.basic_authentication = settings->basic_authentication;
    rules.certificate_names_client = settings->certificate_names_client;
    return rules;
}

void service::recheck_certificates() {
    if (listener_ && trust_ != nullptr) listener_->recheck(*trust_);
}

bool service::open_doors(std::string& why_not) {
    const auto open = [&](const listen_config& door, std::shared_ptr<net::tls_context> tls, std::uint16_t& port) {
        net::acceptor_options options;
        options.address = door.address;
        options.port = door.port;
        options.tls = std::move(tls);
        const bool secure = options.tls != nullptr;
        const auto opened = listener_->open(std::move(options));
        if (!opened) {
            why_not =
                "cannot listen on " + door.address + ":" + std::to_string(door.port) + ": " + opened.error().message();
            return false;
        }
        port = *opened;
        core::log::info("listening", {{"address", door.address}, {"port", port}, {"tls", secure}});
        return true;
    };
    if (settings_.tls.enabled) {
        net::tls_server_options options;
        options.certificate = settings_.tls.certificate;
        options.key = settings_.tls.key;
        options.ask_for_client_certificate = true;
        auto made = net::tls_context::server(std::move(options));
        if (!made) {
            why_not = "listen.tls: " + made.error().message() + " (" + settings_.tls.certificate + ", " +
                      settings_.tls.key + ")";
            return false;
        }
        tls_ = std::move(*made);
        if (!open(settings_.tls, tls_, tls_port_)) return false;
    }
    return !settings_.plain.enabled || open(settings_.plain, nullptr, plain_port_);
}

bool service::open_ops(std::string& why_not) {
    declare_metrics();
    declare_login_metrics();
    net::http_server_options options;
    options.name = "ops";
    options.address = settings_.ops_address;
    options.port = settings_.ops_port;
    options.connections_max = 64;
    ops_server_ = std::make_unique<net::http_server>(
        loop_.get_executor(), std::move(options),
        [this](net::http_request request) -> asio::awaitable<net::http_response> {
            if (auto answer = ops_.answer(request)) co_return std::move(*answer);
            co_return net::error_response(404, "broker/Not Found", "there is /health and /metrics");
        });
    if (const auto opened = ops_server_->open(); !opened) {
        why_not = "cannot listen on " + settings_.ops_address + ":" + std::to_string(settings_.ops_port) + ": " +
                  opened.error().message();
        return false;
    }
    return true;
}

void service::declare_metrics() {
    const auto add = [&](std::string name, std::string help, std::function<double()> value) {
        metrics_.computed(std::move(name), std::move(help), std::move(value));
    };
    const auto of = [](const std::uint64_t& value) { return [&value] { return static_cast<double>(value); }; };
    add("mqtt_connections", "Open connections", [this] { return static_cast<double>(listener_->connections()); });
    add("mqtt_clients", "Connected clients", [this] { return static_cast<double>(listener_->clients()); });
    add("mqtt_accepted_total", "Connections accepted", of(counters_.accepted));
    add("mqtt_refused_connections_total", "Connections closed at the limit", of(counters_.refused_connections));
    add("mqtt_handshakes_failed_total", "TLS handshakes that failed", of(counters_.handshakes_failed));
    add("mqtt_packets_in_total", "Packets received", of(counters_.packets_in));
    add("mqtt_bytes_in_total", "Bytes received", of(counters_.bytes_in));
    add("mqtt_bytes_out_total", "Bytes sent", of(counters_.bytes_out));
    const auto& relayed = relay_->counters();
    add("mqtt_published_total", "Messages passed to messaging", of(relayed.published));
    add("mqtt_published_qos0_dropped_total", "QoS 0 messages dropped while the link was down",
        of(relayed.published_qos0_dropped));
    add("mqtt_delivered_total", "Deliveries to clients", of(relayed.delivered));
    add("mqtt_unmatched_total", "QoS 1 messages without a subscriber", of(relayed.unmatched));
    add("mqtt_refused_total", "QoS 1 messages refused by messaging", of(relayed.refused));
    add("mqtt_evictions_total", "Clients taken over or fenced", of(relayed.evictions));
    add("mqtt_streams_lost_total", "Subscriptions ended by messaging", of(relayed.streams_lost));
    add("mqtt_reloads_failed_total", "SIGHUPs that left users or certificates as they were", of(reloads_failed_));
    add("mqtt_link_up", "1 while the link to messaging works", [this] { return relay_->up() ? 1.0 : 0.0; });
    add("mqtt_link_unsettled", "Frames on the link that are not settled",
        [this] { return static_cast<double>(relay_->link().unsettled_frames()); });
    for (std::size_t i = 0; i < counters_.closed.size(); ++i) {
        const auto name = session::name_of(static_cast<session::close_reason>(i));
        if (name.empty() || name == "unknown") break;
        add("mqtt_closed_" + std::string(name) + "_total", "Connections closed: " + std::string(name),
            of(counters_.closed[i]));
    }
    add("mqtt_refusals_total", "Packets or parts of them refused", [this] {
        double sum = 0;
        for (const auto one : counters_.refusals) sum += static_cast<double>(one);
        return sum;
    });
}

void service::declare_login_metrics() {
    const auto add = [&](std::string name, std::string help, const std::uint64_t& value) {
        metrics_.computed(std::move(name), std::move(help), [&value] { return static_cast<double>(value); });
    };
    const auto& logins = logins_->counters();
    add("mqtt_logins_password_total", "Logins by password", logins.accepted_password);
    add("mqtt_logins_certificate_total", "Logins by certificate", logins.accepted_certificate);
    add("mqtt_logins_refused_credentials_total", "Logins refused: wrong credentials", logins.refused_credentials);
    add("mqtt_logins_refused_certificate_total", "Logins refused: certificate", logins.refused_certificate);
    add("mqtt_logins_refused_name_total", "Logins refused: common name is not the client ID", logins.refused_name);
    add("mqtt_logins_refused_basic_total", "Logins refused: the tenant allows certificates only", logins.refused_basic);
    add("mqtt_logins_refused_form_total", "Logins refused: nothing usable offered", logins.refused_form);
    add("mqtt_logins_throttled_total", "Logins refused unseen after too many failures", logins.throttled);
    add("mqtt_logins_busy_total", "Logins refused: too many at a time", logins.busy);
    add("mqtt_logins_unavailable_total", "Logins refused: the platform cannot be asked", logins.unavailable);
    const auto& cache = cache_->counters();
    add("mqtt_credentials_hits_total", "Passwords answered from memory", cache.hits);
    add("mqtt_credentials_asked_total", "Passwords the provider was asked about", cache.asked);
    add("mqtt_credentials_refreshed_total", "Of these, asked again in the background", cache.refreshed);
    add("mqtt_credentials_stale_total", "Logins by what was right when the provider could last be asked",
        cache.served_stale);
    const auto compute = [&](std::string name, std::string help, std::function<double()> value) {
        metrics_.computed(std::move(name), std::move(help), std::move(value));
    };
    compute("mqtt_credentials_remembered", "Remembered credentials",
            [this] { return static_cast<double>(cache_->remembered()); });
    compute("mqtt_login_failures_users", "Users with failed logins in memory",
            [this] { return static_cast<double>(logins_->failures().users()); });
    compute("mqtt_login_failures_addresses", "Addresses with failed logins in memory",
            [this] { return static_cast<double>(logins_->failures().addresses()); });
    if (!platform_) return;
    const auto& platform = platform_->provider().counters();
    add("mqtt_platform_logins_total", "Requests to the platform about a login", platform.requests);
    add("mqtt_platform_logins_failed_total", "Of these without a usable answer", platform.failed);
    add("mqtt_platform_logins_throttled_total", "Of these answered 429", platform.throttled);
    add("mqtt_platform_logins_not_asked_total", "Logins the platform was spared", platform.not_asked);
    add("mqtt_platform_logins_turned_away_total", "Logins that found the queue to the platform full",
        platform.turned_away);
    compute("mqtt_platform_paused", "1 while the platform is left alone after failures",
            [this] { return platform_->provider().breaker().open() ? 1.0 : 0.0; });
    compute("mqtt_platform_logins_waiting", "Logins that wait for a request to the platform",
            [this] { return static_cast<double>(platform_->provider().waiting()); });
    if (platform_->trust() == nullptr) return;
    const auto& trust = platform_->trust()->counters();
    add("mqtt_platform_certificates_fetched_total", "Trusted certificates fetched, once per tenant and round",
        trust.fetched);
    add("mqtt_platform_certificates_failed_total", "Of these that failed", trust.failed);
    compute("mqtt_platform_trust_anchors", "Trust anchors in memory",
            [this] { return static_cast<double>(platform_->trust()->anchors()); });
}

void service::reload_users() {
    if (const auto complaints = users_->reload(); complaints.empty())
        core::log::info("users reloaded", {{"file", settings_.logins.file}});
    else {
        ++reloads_failed_;
        core::log::error("users not reloaded, the old ones stay", {{"complaints", complaints}});
    }
}

void service::reload() {
    if (platform_ && platform_->trust() != nullptr) platform_->trust()->refresh();
    if (users_) reload_users();
    if (!tls_) return;
    if (const auto done = tls_->reload(); done)
        core::log::info("certificates reloaded");
    else {
        ++reloads_failed_;
        core::log::error("certificates not reloaded, the old ones stay", {{"why", done.error().message()}});
    }
}

asio::awaitable<void> service::stop() {
    health_.not_ready("service", "stopping");
    shared_->stopping = true;
    co_await listener_->stop(std::chrono::milliseconds(4'000));
    if (platform_) co_await platform_->stop();
    co_await relay_->stop(std::chrono::milliseconds(3'000));
    co_await ops_server_->stop();
}

} // namespace broker
