#include "tests/platform/server/server.hpp"

#include "common/async/tokens.hpp"
#include "common/core/log.hpp"

#include <boost/asio/steady_timer.hpp>

namespace platform_sim::server {

namespace asio = net::asio;

namespace {

constexpr std::size_t body_bytes_max = 16 * 1024 * 1024;
constexpr std::chrono::minutes hang_time{10};    // long enough for every client's patience
constexpr std::chrono::minutes consumer_idle{5}; // ref C.6
constexpr std::size_t acknowledgement_bytes_max = 4096;

/// The hub is looked up here, not at the upgrade: a reset may have come between the two.
asio::awaitable<void> serve_consumer(std::unique_ptr<net::websocket> socket, routes::platform* platform,
                                     routes::platform::admission admitted, consumer_connection::registry* all) {
    auto& hub = platform->all().tenant(admitted.tenant).notifications;
    consumer_connection connection(std::move(socket), hub, std::move(admitted.as), *all);
    co_await connection.run();
}

/// `/notification2/consumer` with and without the last slash (ref C.6).
bool is_consumer(std::string_view target) {
    const auto path = target.substr(0, target.find('?'));
    return path == "/notification2/consumer" || path == "/notification2/consumer/";
}

} // namespace

server::server(asio::any_io_executor executor, options with, const core::clock& clock)
    : executor_(executor), options_(std::move(with)), platform_(options_.platform, clock),
      http_(
          executor, http_options(), [this](net::http_request request) { return answer(std::move(request)); },
          [this](net::http_request request) { return upgrade(std::move(request)); }) {
    platform_.on_reset([this] {
        for (consumer_connection* one : consumers_) one->release();
    });
}

net::http_server_options server::http_options() const {
    net::http_server_options with;
    with.name = "platform";
    with.address = options_.address;
    with.port = options_.port;
    with.body_bytes_max = body_bytes_max;
    with.idle_timeout = std::chrono::minutes(5);
    return with;
}

core::result<void> server::open() { return http_.open(); }

asio::awaitable<void> server::stop() { return http_.stop(); }

asio::awaitable<void> server::wait(std::chrono::milliseconds time) {
    asio::steady_timer timer(executor_, time);
    auto [error] = co_await timer.async_wait(async::as_result);
    (void)error; // cancelled: the server stops
}

asio::awaitable<net::http_response> server::answer(net::http_request request) {
    auto how = platform_.disrupt(request);
    if (how.delay.count() > 0) co_await wait(how.delay);
    if (how.hang) {
        co_await wait(hang_time);
        co_return net::http_response(503);
    }
    net::http_response made = how.instead ? std::move(*how.instead) : platform_.handle(request);
    log_answer(request, made.status);
    co_return made;
}

asio::awaitable<net::upgrade_decision> server::upgrade(net::http_request request) {
    if (!is_consumer(request.target)) {
        auto no = routes::not_found("general", "No WebSocket is served here");
        co_return net::upgrade_decision(std::move(no));
    }
    auto how = platform_.disrupt(request);
    if (how.delay.count() > 0) co_await wait(how.delay);
    if (how.hang) co_await wait(hang_time);
    if (how.instead) co_return net::upgrade_decision(std::move(*how.instead));
    auto admitted = platform_.admit_consumer(request);
    log_answer(request, admitted.refusal ? admitted.refusal->status : 101);
    if (admitted.refusal) co_return net::upgrade_decision(std::move(*admitted.refusal));
    net::websocket_options with;
    with.idle_timeout = consumer_idle;
    with.message_bytes_max = acknowledgement_bytes_max;
    net::websocket_service serve = [this, admitted = std::move(admitted)](std::unique_ptr<net::websocket> socket) {
        return serve_consumer(std::move(socket), &platform_, admitted, &consumers_);
    };
    co_return net::upgrade_decision(std::move(with), std::move(serve));
}

void server::log_answer(const net::http_request& request, unsigned status) const {
    if (!options_.verbose) return;
    const auto path = request.target.substr(0, request.target.find("token=")); // tokens do not belong into logs
    core::log::info("request", {{"method", request.method}, {"target", path}, {"status", status}});
}

} // namespace platform_sim::server
