#include "mapper/service.hpp"

#include "common/async/tokens.hpp"
#include "common/auth/link_token.hpp"
#include "common/core/log.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace mapper {

namespace {

constexpr std::chrono::milliseconds link_patience{2'000};

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
    return text;
}

/// Empty on failure, then `why_not` says why.
std::string link_token(const config& settings, std::string& why_not) {
    const auto& from = settings.messaging;
    if (!from.token_file.empty()) {
        std::ifstream file(from.token_file);
        auto text = trimmed(std::string(std::istreambuf_iterator<char>(file), {}));
        if (text.empty()) why_not = "messaging.token_file " + from.token_file + ": missing or empty";
        return text;
    }
    const auto secret = auth::link_secret::load(from.secret_file);
    if (!secret) {
        why_not = "messaging.secret_file " + from.secret_file + ": " + secret.error().message();
        return {};
    }
    auth::link_claims claims;
    claims.role = auth::link_role::mapper;
    for (const auto& one : settings.platform.tenants) claims.tenants.push_back(one.tenant);
    claims.issued_at_s = core::system_clock{}.wall_ms() / 1000;
    auto token = auth::mint_link_token(claims, *secret);
    if (token) return std::move(*token);
    why_not = "messaging.secret_file: " + token.error().message();
    return {};
}

} // namespace

service::service(asio::io_context& loop, config settings)
    : loop_(loop), settings_(std::move(settings)), ops_(health_, metrics_), meters_(metrics_),
      tasks_(loop.get_executor(), "mapper"), ticker_(loop) {}
service::~service() = default;

bool service::start(std::string& why_not) {
    make_link();
    if (!open_ops(why_not)) return false;
    net::http_client_options options;
    options.ca_file = settings_.platform.ca_file;
    options.request_timeout = settings_.platform.request_timeout;
    options.connections_per_origin_max =
        std::clamp<std::size_t>(settings_.platform.requests_per_tenant * 2 * settings_.platform.tenants.size(), 16, 64);
    options.waiting_per_origin_max = 100'000;
    http_ = std::make_unique<net::http_client>(loop_.get_executor(), std::move(options));
    for (const auto& who : settings_.platform.tenants) {
        tenant_settings one;
        one.who = who;
        one.platform_url = settings_.platform.url;
        one.platform_ca_file = settings_.platform.ca_file;
        one.mappings_directory = settings_.mappings_directory;
        one.requests_max = settings_.platform.requests_per_tenant;
        tenants_.push_back(
            std::make_unique<tenant>(loop_.get_executor(), std::move(one), *http_, *link_, clock_, meters_));
        tenants_.back()->reload(true);
    }
    check_health();
    link_->start();
    tasks_.spawn("tick", tick_loop());
    return true;
}

void service::make_link() {
    msg_link::link_options options;
    options.url = settings_.messaging.url;
    options.ca_file = settings_.messaging.ca_file;
    options.name = "mapper";
    // Asked at each attempt: messaging makes the secret at its first start, which may come after ours.
    options.token_source = [this](std::string& why) { return link_token(settings_, why); };
    link_ = std::make_unique<uplink::link_router>(loop_.get_executor(), std::move(options));
    metrics_.computed("mapper_link_up", "1 while the link to messaging works",
                      [this] { return link_->up() ? 1.0 : 0.0; });
}

bool service::open_ops(std::string& why_not) {
    net::http_server_options options;
    options.name = "mapper-ops";
    options.address = settings_.ops.address;
    options.port = settings_.ops.port;
    const auto handler = [this](net::http_request request) { return answer(std::move(request)); };
    server_ = std::make_unique<net::http_server>(loop_.get_executor(), std::move(options), handler);
    if (const auto opened = server_->open(); !opened) {
        why_not = "cannot listen on " + settings_.ops.address + ":" + std::to_string(settings_.ops.port) + ": " +
                  opened.error().message();
        return false;
    }
    core::log::info("listening", {{"address", settings_.ops.address}, {"port", server_->port()}});
    return true;
}

asio::awaitable<net::http_response> service::answer(net::http_request request) {
    check_health();
    auto known = ops_.answer(request);
    if (known) co_return std::move(*known);
    co_return net::error_response(404, "mapper/Not Found", "The mapper answers /health and /metrics");
}

void service::check_health() {
    if (link_->up())
        health_.ready("link");
    else
        health_.not_ready("link", link_->last_error().empty() ? "not connected to messaging" : link_->last_error());
    for (const auto& one : tenants_) {
        const auto part = "tenant " + one->name();
        if (const auto why = one->trouble(); why.empty())
            health_.ready(part);
        else
            health_.not_ready(part, why);
    }
}

asio::awaitable<void> service::tick_loop() {
    while (true) {
        ticker_.expires_after(std::chrono::seconds(1));
        auto [error] = co_await ticker_.async_wait(async::as_result);
        if (error) co_return;
        for (const auto& one : tenants_) one->tick();
        link_->tick();
        check_health();
    }
}

void service::reload() {
    for (const auto& one : tenants_) one->reload(true);
}

asio::awaitable<void> service::stop() {
    health_.not_ready("service", "stopping");
    tasks_.stop();
    co_await tasks_.join();
    for (const auto& one : tenants_) co_await one->stop();
    co_await link_->stop(link_patience);
    http_->stop();
    co_await server_->stop();
}

} // namespace mapper
