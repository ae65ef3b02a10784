#include "broker/service.hpp"

#include "broker/login_numbers.hpp"

#include "broker/numbers.hpp"
#include "common/auth/link_token.hpp"
#include "common/core/log.hpp"

#include <boost/asio/post.hpp>

#include <fstream>

namespace broker {

service::service(asio::io_context& loop, config settings)
    : loop_(loop), settings_(std::move(settings)), ops_(health_, metrics_), scratch_(256 * 1024), meters_(metrics_) {}
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
    health_.not_ready("listener", "not listening yet");
    health_.not_ready("link", "not connected to messaging yet");
    relay_->on_change([this](bool up) {
        if (up)
            health_.ready("link");
        else
            health_.not_ready("link", "the link to messaging is down: " + relay_->link().last_error());
    });
    relay_->measure_into(metrics_
                             .histograms("mqtt_publish_seconds",
                                         "PUBLISH to its settlement by messaging, one at a time", ops::latency_bounds())
                             .with());
    reports_.emplace(*relay_, clock_);
    shared_.emplace(
        edge::shared_parts{*relay_, *logins_, *tenants_, settings_.limits, clock_, counters_, *reports_, scratch_});
    shared_->connect_seconds =
        &metrics_.histograms("mqtt_connect_seconds", "CONNECT to CONNACK", ops::latency_bounds()).with();
    listener_ = std::make_unique<edge::listener>(loop_.get_executor(), *shared_);
    if (!open_doors(why_not)) return false;
    reloads_ = std::make_unique<reloader>(loop_.get_executor(), settings_, users_.get(), *tenants_, tls_);
    if (!open_ops(why_not)) return false;
    relay_->start();
    if (platform_ && platform_->trust() != nullptr) platform_->trust()->start();
    listener_->start();
    reloads_->start();
    health_.ready("listener");
    return true;
}

bool service::open_auth(std::string& why_not) {
    const auto post = [this](std::function<void()> f) { asio::post(loop_, std::move(f)); };
    const bool by_platform = settings_.logins.provider == auth::provider_kind::platform;
    if (!settings_.logins.file.empty()) {
        auth::file_provider::options with;
        if (by_platform) with.trust = auth::trust_reading::left_out; // anchors come from the platform
        users_ = auth::file_provider::open(settings_.logins.file, post, why_not, with);
        if (!users_) return false;
    } else if (!by_platform) {
        why_not = "auth.file is empty, and the provider is file";
        return false;
    }
    tenants_ = std::make_unique<tenant::tenant_registry>(
        settings_.tenants, [this](std::string_view id) { return options_of(id); }, &meters_);
    if (by_platform && settings_.tls.enabled && !auth::has_service_users(settings_.logins.platform))
        core::log::warn(
            "no client certificate can be accepted: there is no service user to read trusted certificates with",
            {{"keys", "auth.platform.service_users, auth.platform.bootstrap"}});
    if (by_platform) {
        platform_ = std::make_unique<auth::platform_login>(loop_.get_executor(), settings_.logins.platform, clock_,
                                                           post, settings_.tls.enabled);
        cache_ = &platform_->cache();
        trust_ = platform_->trust();
        if (auto* trust = platform_->trust())
            trust->on_change([this](const core::tenant_id& tenant) { recheck_certificates(tenant.value); });
        if (users_)
            core::log::info("users and trust anchors come from the platform; the file gives profiles and limits",
                            {{"file", settings_.logins.file}});
    } else {
        auth::credential_cache::options remembered;
        remembered.stale_lifetime = std::chrono::hours(24); // who was right is let in while many guess, or wait
        file_cache_ = std::make_unique<auth::credential_cache>(*users_, clock_, post, remembered);
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
        *cache_, trust_, [this](std::string_view tenant) { return rules_of(tenant); }, clock_,
        settings_.logins.throttle);
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

void service::recheck_certificates(std::string_view tenant) {
    if (listener_ && trust_ != nullptr) listener_->recheck(*trust_, tenant);
}

bool service::open_one(const listen_config& door, std::shared_ptr<net::tls_context> tls, std::uint16_t& port,
                       std::string& why_not) {
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
}

bool service::open_doors(std::string& why_not) {
    if (settings_.tls.enabled) {
        auto options = settings_.tls_options;
        options.pacer = std::make_shared<net::handshake_pacer>(loop_.get_executor(), clock_);
        std::string why;
        auto made = net::tls_context::server(std::move(options), &why);
        if (!made) {
            why_not = "listen.tls: " + why;
            return false;
        }
        tls_ = std::move(*made);
        if (!open_one(settings_.tls, tls_, tls_port_, why_not)) return false;
    }
    return !settings_.plain.enabled || open_one(settings_.plain, nullptr, plain_port_, why_not);
}

bool service::open_ops(std::string& why_not) {
    if (!settings_.ops_token_file.empty()) {
        std::string why;
        if (admin::gatekeeper::read_token(settings_.ops_token_file, why).empty()) {
            why_not = "ops.token_file " + why;
            return false;
        }
    }
    gate_ = std::make_unique<admin::gatekeeper>(logins_->passwords(), settings_.ops_token_file);
    routes_ = std::make_unique<admin::client_routes>(*listener_, *tenants_, *gate_);
    declare_metrics(metrics_, {*listener_, counters_, *relay_, *reloads_, *gate_, tls_.get()});
    declare_login_metrics(metrics_, *logins_, *cache_, platform_.get());
    net::http_server_options options;
    options.name = "ops";
    options.address = settings_.ops_address;
    options.port = settings_.ops_port;
    options.connections_max = 64;
    ops_server_ =
        std::make_unique<net::http_server>(loop_.get_executor(), std::move(options),
                                           [this](net::http_request request) { return answer(std::move(request)); });
    if (const auto opened = ops_server_->open(); !opened) {
        why_not = "cannot listen on " + settings_.ops_address + ":" + std::to_string(settings_.ops_port) + ": " +
                  opened.error().message();
        return false;
    }
    return true;
}

asio::awaitable<net::http_response> service::answer(net::http_request request) {
    if (auto simple = ops_.answer(request)) co_return std::move(*simple);
    if (!admin::client_routes::takes(request))
        co_return net::error_response(404, "ops/Not Found", "there is /health, /metrics, /clients and /tenants");
    auto made = co_await routes_->answer(std::move(request));
    co_return made;
}

void service::reload() {
    if (platform_ && platform_->trust() != nullptr) platform_->trust()->refresh();
    reloads_->reload_all();
}

/// Within the ten seconds that supervisors give: 3 for what messaging still owes, 2 for peers that take their last
/// words, 3 for the releases with their wills.
asio::awaitable<void> service::stop() {
    health_.not_ready("service", "stopping");
    shared_->stopping = true;
    co_await reloads_->stop();
    co_await listener_->stop(std::chrono::seconds(3), std::chrono::seconds(2));
    if (platform_) co_await platform_->stop();
    co_await relay_->stop(std::chrono::seconds(3));
    co_await ops_server_->stop();
}

} // namespace broker
