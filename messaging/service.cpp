#include "messaging/service.hpp"

#include "common/async/tokens.hpp"
#include "common/core/log.hpp"
#include "common/link/frame.hpp"
#include "messaging/admin/limit_overrides.hpp"

#include <boost/asio/post.hpp>

#include <filesystem>
#include <numeric>

namespace messaging {

namespace {
const std::string users_group = "users";
const std::string certificates_group = "certificates";
} // namespace

service::service(asio::io_context& loop, config settings)
    : loop_(loop), settings_(std::move(settings)), ops_(health_, metrics_), watch_([this](const std::string& group) {
          if (group == users_group)
              reload_users();
          else
              reload_certificates();
      }),
      tasks_(loop.get_executor(), "messaging"), ticker_(loop) {}
service::~service() = default;

bool service::start(std::string& why_not) {
    auto secret = auth::link_secret::load_or_create(settings_.link_secret_file);
    if (!secret) {
        why_not = "link.secret_file " + settings_.link_secret_file + ": " + secret.error().message();
        return false;
    }
    secret_ = std::move(*secret);
    if (!open_auth(why_not) || !open_store(why_not)) return false;
    sessions_ = std::make_unique<endpoint::link_sessions>(*hub_, clock_);
    sessions_->recover();
    front_ = std::make_unique<endpoint::front>(ops_, *secret_, *sessions_, clock_);
    declare(*hub_, settings_.subscriptions);
    declare_metrics();
    if (!open_api(why_not)) return false;
    net::http_server_options options;
    options.name = "messaging";
    options.address = settings_.listen.address;
    options.port = settings_.listen.port;
    options.connections_max = settings_.listen.connections_max;
    if (!settings_.listen.certificate.empty()) {
        net::tls_server_options tls;
        tls.certificate = settings_.listen.certificate;
        tls.key = settings_.listen.key;
        std::string why;
        auto made = net::tls_context::server(std::move(tls), &why);
        if (!made) {
            why_not = "listen: " + why;
            return false;
        }
        tls_ = std::move(*made);
        options.tls = tls_;
    }
    server_ = std::make_unique<net::http_server>(loop_.get_executor(), std::move(options), front_->handler(),
                                                 front_->upgrader());
    if (const auto opened = server_->open(); !opened) {
        why_not = "cannot listen on " + settings_.listen.address + ":" + std::to_string(settings_.listen.port) + ": " +
                  opened.error().message();
        return false;
    }
    tasks_.spawn("tick", tick_loop());
    watch_files();
    core::log::info("listening",
                    {{"address", settings_.listen.address}, {"port", server_->port()}, {"tls", tls_ != nullptr}});
    return true;
}

bool service::open_auth(std::string& why_not) {
    const auto post = [this](std::function<void()> f) { asio::post(loop_, std::move(f)); };
    const auto& settings = settings_.logins;
    if (!settings.file.empty()) { // with the platform, too: it holds the tenants' limits
        auth::file_provider::options with;
        with.trust = auth::trust_reading::left_out; // no certificate is judged here
        users_ = auth::file_provider::open(settings.file, post, why_not, with);
        if (!users_) return false;
        users_->on_reload([this] {
            if (file_logins_) file_logins_->invalidate();
            use_tenant_limits();
        });
    }
    if (settings.provider == auth::provider_kind::platform) {
        platform_ =
            std::make_unique<auth::platform_login>(loop_.get_executor(), settings.platform, clock_, post, false);
        logins_ = &platform_->cache();
        return true;
    }
    if (!users_) return true;
    file_logins_ = std::make_unique<auth::credential_cache>(*users_, clock_, post);
    logins_ = file_logins_.get();
    return true;
}

bool service::open_store(std::string& why_not) {
    std::error_code made;
    std::filesystem::create_directories(settings_.data_directory, made);
    if (made) {
        why_not = "data.directory " + settings_.data_directory + ": " + made.message();
        return false;
    }
    files_ = store::make_posix_file_system(settings_.data_directory);
    turn_ = std::make_unique<async::turn_call>(loop_.get_executor(), [this] { hub_->flush(); });
    hub_ = std::make_unique<topic::hub>(settings_.limits, clock_, [this] { turn_->kick(); });
    use_tenant_limits();
    alarms_ = std::make_unique<topic::alarm_board>(*hub_, clock_);
    hub_->on_alarm([this](const std::string& tenant, std::string_view type) { alarms_->raise(tenant, type); });
    const auto post = [this](std::function<void()> f) { asio::post(loop_, std::move(f)); };
    if (const auto error = hub_->open(settings_.log, *files_, post)) {
        why_not = "cannot open the store in " + settings_.data_directory + ": " + error.message();
        return false;
    }
    use_tenant_limits(); // again: what management set came with the store
    return true;
}

void service::use_tenant_limits() {
    hub_->use_limits([this](std::string_view tenant) { return limits_of(tenant); });
}

/// What management set, over the `store:` of the tenant's entry in tenants.yaml, over the limits of messaging.yaml.
topic::limits service::limits_of(std::string_view tenant) const {
    auto made = settings_.limits;
    if (users_) {
        const auto directory = users_->directory();
        const auto found = directory->tenants.find(core::tenant_id(tenant));
        if (found != directory->tenants.end()) {
            const auto& own = found->second.options.store;
            made.backlog_bytes_per_topic = own.backlog_bytes_per_topic.value_or(made.backlog_bytes_per_topic);
            made.backlog_bytes_per_tenant = own.backlog_bytes_per_tenant.value_or(made.backlog_bytes_per_tenant);
            made.ttl = own.ttl.value_or(made.ttl);
            made.topics_per_tenant = own.topics_per_tenant.value_or(made.topics_per_tenant);
        }
    }
    admin::overrides_of(*hub_, tenant).apply(made);
    return made;
}

bool service::open_api(std::string& why_not) {
    if (!logins_) return true;
    const auto path = settings_.data_directory + "/token-key.pem";
    auto key = notification2::signing_key::load_or_create(path);
    if (!key) {
        why_not = "token key " + path + ": " + key.error().message();
        return false;
    }
    guard_ = std::make_unique<auth::login_guard>(*logins_, clock_, settings_.logins.throttle);
    metrics_.computed("messaging_login_failures_users", "Users with failed logins in memory",
                      [this] { return static_cast<double>(guard_->failures().users()); });
    metrics_.computed("messaging_login_failures_addresses", "Addresses with failed logins in memory",
                      [this] { return static_cast<double>(guard_->failures().addresses()); });
    api_ = std::make_unique<endpoint::notification_api>(*hub_, *guard_, clock_, metrics_, std::move(*key));
    api_->add_routes(*front_);
    admin::management_options management;
    management.operator_tenant = settings_.operator_tenant;
    management.data_directory = settings_.data_directory;
    management.durability = settings_.log.mode == store::durability::fsync ? "fsync" : "os";
    management.limits_of = [this](std::string_view tenant) { return limits_of(tenant); };
    management.connected_links = [this] { return sessions_->connected(); };
    management_ = std::make_unique<admin::management_api>(*hub_, *guard_, clock_, metrics_, std::move(management));
    management_->add_routes(*front_);
    return true;
}

void service::reload_subscriptions() {
    config again;
    std::string complaints;
    if (!load(settings_.path, again, complaints))
        return core::log::error("subscriptions not reloaded, the old ones stay", {{"complaints", complaints}});
    if (again.subscriptions == settings_.subscriptions) return;
    settings_.subscriptions = std::move(again.subscriptions);
    declare(*hub_, settings_.subscriptions);
    core::log::info("subscriptions reloaded", {{"declared", settings_.subscriptions.size()}});
}

void service::declare_metrics() {
    const auto& stats = hub_->stats();
    const auto number = [&](const char* name, const char* help, std::function<double()> value) {
        metrics_.computed(name, help, std::move(value));
    };
    const auto of = [](const std::uint64_t& value) { return [&value] { return static_cast<double>(value); }; };
    number("messaging_messages_in_total", "Messages received", of(stats.messages_in));
    number("messaging_bytes_in_total", "Record bytes received", of(stats.bytes_in));
    number("messaging_messages_unmatched_total", "Messages that no subscription matched", of(stats.messages_unmatched));
    number("messaging_deliveries_total", "Records handed to consumers", of(stats.deliveries));
    number("messaging_redeliveries_total", "Records handed out again", of(stats.redeliveries));
    number("messaging_acknowledged_total", "Acknowledgements received", of(stats.acknowledged));
    number("messaging_expired_total", "Messages dropped because their time-to-live ended", of(stats.expired));
    number("messaging_skipped_total", "Messages skipped by slow QoS 0 streams", of(stats.skipped));
    number("messaging_negative_acknowledgements_total", "Ranges of messages given back by consumers",
           of(stats.negative_acknowledgements));
    number("messaging_dead_letters_total", "Messages delivered too often, now in a topic of dead letters",
           of(stats.dead_letters));
    number("messaging_dead_letters_refused_total", "Times such a message stayed because that topic was full",
           of(stats.dead_letters_refused));
    number("messaging_subscriptions_backlog_high", "Durable subscriptions that hold over 80 % of a topic's quota",
           of(stats.subscriptions_backlog_high));
    number("messaging_wills_published_total", "Wills published", of(stats.wills_published));
    number("messaging_wills_dropped_total", "Wills refused by a quota", of(stats.wills_dropped));
    number("messaging_to_device_invalid_total", "Messages to to-device that were dropped as invalid", [&stats] {
        return static_cast<double>(
            std::accumulate(stats.to_device_invalid.begin(), stats.to_device_invalid.end(), std::uint64_t{0}));
    });
    number("messaging_alarms_published_total", "Alarms handed to the mapper",
           [this] { return static_cast<double>(alarms_->published()); });
    number("messaging_alarms_held_back_total", "Alarms that were raised within the last minute already",
           [this] { return static_cast<double>(alarms_->held_back()); });
    for (std::size_t i = 2; i < stats.refused.size(); ++i) {
        const auto why = static_cast<msg_link::reason>(i);
        if (msg_link::name(why) == "unknown") continue;
        metrics_.computed("messaging_refused_" + std::string(msg_link::name(why)) + "_total",
                          "Publishes refused: " + std::string(msg_link::text(why)),
                          [&stats, i] { return static_cast<double>(stats.refused[i]); });
    }
    number("messaging_commits_total", "Commits", [this] { return static_cast<double>(hub_->log().stats().commits); });
    number("messaging_syncs_total", "Disk syncs", [this] { return static_cast<double>(hub_->log().stats().syncs); });
    number("messaging_sync_seconds_total", "Time spent in disk syncs",
           [&stats] { return static_cast<double>(stats.sync_ns) / 1e9; });
    number("messaging_disk_bytes", "Bytes of segments on disk",
           [this] { return static_cast<double>(hub_->log().stats().disk_bytes); });
    number("messaging_live_bytes", "Bytes of live messages",
           [this] { return static_cast<double>(hub_->log().stats().live_bytes); });
    number("messaging_live_messages", "Live messages",
           [this] { return static_cast<double>(hub_->log().stats().live_messages); });
    number("messaging_disk_full", "1 while messages are refused for want of disk space",
           [this] { return hub_->disk_full() ? 1.0 : 0.0; });
    number("messaging_segments", "Segment files in use",
           [this] { return static_cast<double>(hub_->log().stats().segments); });
    number("messaging_copied_messages_total", "Live messages moved out of nearly empty segments",
           of(stats.copied_messages));
    number("messaging_copied_bytes_total", "Bytes of messages moved so", of(stats.copied_bytes));
    number("messaging_segments_copied_total", "Nearly empty segments whose live messages were moved",
           of(stats.segments_copied));
    number("messaging_claims", "Clients with a claim", [this] { return static_cast<double>(hub_->claim_count()); });
    number("messaging_links", "Connected links", [this] { return static_cast<double>(sessions_->connected()); });
    number("messaging_link_sessions", "Link sessions, connected or on lease",
           [this] { return static_cast<double>(sessions_->size()); });
    number("messaging_link_protocol_errors_total", "Links closed for a protocol error",
           of(front_->counters().protocol_errors));
    const auto http = [&](const char* name, const char* help, const std::uint64_t net::http_server_counters::* which) {
        number(name, help, [this, which] { return server_ ? static_cast<double>(server_->counters().*which) : 0.0; });
    };
    http("messaging_http_requests_total", "HTTP requests answered", &net::http_server_counters::requests);
    http("messaging_http_malformed_total", "HTTP requests refused unread: malformed or too large",
         &net::http_server_counters::malformed);
    http("messaging_http_timed_out_total", "HTTP connections closed for their slowness",
         &net::http_server_counters::timed_out);
    http("messaging_http_refused_total", "Connections closed over the limit", &net::http_server_counters::refused);
    number("messaging_link_subprotocols_refused_total", "Upgrades refused for their subprotocol",
           [this] { return static_cast<double>(front_->refused_subprotocols()); });
    number("messaging_link_tokens_refused_total", "Upgrades refused for their token",
           [this] { return static_cast<double>(front_->refused_tokens()); });
}

asio::awaitable<void> service::tick_loop() {
    while (true) {
        ticker_.expires_after(std::chrono::milliseconds(100));
        auto [error] = co_await ticker_.async_wait(async::as_result);
        if (error) co_return;
        hub_->tick();
        sessions_->tick();
        if (management_) management_->tick();
        if (hub_->failed() && health_.is_live()) {
            core::log::error("the store is read-only until a restart", {{"why", hub_->log().failed()}});
            health_.failed("store: " + hub_->log().failed());
        }
    }
}

void service::watch_files() {
    if (settings_.reload_interval.count() == 0) return;
    if (users_) watch_.watch(users_group, users_->files());
    if (tls_) watch_.watch(certificates_group, {settings_.listen.certificate, settings_.listen.key});
    tasks_.spawn("watch", watch_.run(settings_.reload_interval));
}

void service::reload() {
    reload_subscriptions();
    reload_users();
    reload_certificates();
}

void service::reload_users() {
    if (!users_) return;
    watch_.forget_changes(users_group);
    users_->reload([this](const std::string& complaints) {
        if (settings_.reload_interval.count() != 0) watch_.watch(users_group, users_->files());
        if (!complaints.empty())
            return core::log::error("users not reloaded, the old ones stay", {{"complaints", complaints}});
        core::log::info("users reloaded", {{"file", settings_.logins.file}});
    });
}

void service::reload_certificates() {
    if (!tls_) return;
    watch_.forget_changes(certificates_group);
    std::string why;
    if (tls_->reload(&why))
        core::log::info("certificates reloaded");
    else
        core::log::error("certificates not reloaded, the old ones stay", {{"why", why}});
}

asio::awaitable<void> service::stop() {
    health_.not_ready("service", "stopping");
    tasks_.stop();
    if (server_) co_await server_->stop();
    if (platform_) co_await platform_->stop();
    co_await tasks_.join();
    sessions_->clear();
    hub_->close();
    core::log::info("store closed");
}

} // namespace messaging
