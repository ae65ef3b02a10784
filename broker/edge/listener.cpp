#include "broker/edge/listener.hpp"

#include "common/async/event.hpp"
#include "common/async/tokens.hpp"
#include "common/core/log.hpp"

#include <algorithm>

namespace broker::edge {

listener::listener(asio::any_io_executor executor, shared_parts& with)
    : executor_(executor), with_(with), tasks_(executor, "listener"), served_(executor, "connections"),
      ticker_(executor) {}
listener::~listener() = default;

core::result<std::uint16_t> listener::open(net::acceptor_options options) {
    auto made = std::make_unique<door>();
    made->tls = options.tls != nullptr;
    made->at = std::make_unique<net::acceptor>(executor_, std::move(options));
    if (const auto opened = made->at->open(); !opened) return opened.error();
    const auto port = made->at->port();
    doors_.push_back(std::move(made));
    return port;
}

void listener::start() {
    for (const auto& one : doors_) tasks_.spawn("accept", accept_loop(one.get()));
    tasks_.spawn("watch", watch());
}

asio::awaitable<void> listener::accept_loop(door* one) {
    while (true) {
        auto accepted = co_await one->at->accept();
        if (!accepted) co_return;
        ++with_.counters.accepted;
        if (connections_.size() >= with_.limits.connections_max) {
            if (with_.counters.refused_connections++ % 1000 == 0)
                core::log::warn("connection limit reached", {{"limit", with_.limits.connections_max}});
            (*accepted)->close();
            continue;
        }
        auto made = std::make_shared<connection>(with_, std::move(*accepted));
        connections_.insert(made);
        served_.spawn("connection", serve(std::move(made), one->tls));
    }
}

asio::awaitable<void> listener::serve(std::shared_ptr<connection> one, bool tls) {
    co_await one->run(tls);
    connections_.erase(one);
}

asio::awaitable<void> listener::watch() {
    for (unsigned seconds = 1;; ++seconds) {
        ticker_.expires_after(std::chrono::seconds(1));
        auto [error] = co_await ticker_.async_wait(async::as_result);
        if (error) co_return;
        const auto now = with_.time.now();
        const std::vector<std::shared_ptr<connection>> all(connections_.begin(), connections_.end());
        for (const auto& one : all) one->check(now);
        if (seconds % 60 == 0) with_.tenants.sweep();
        if (seconds % 600 == 0) with_.links.close_idle_topics();
    }
}

void listener::recheck(const auth::trust_source& trust) {
    const std::vector<std::shared_ptr<connection>> all(connections_.begin(), connections_.end());
    for (const auto& one : all) one->recheck(trust);
}

std::size_t listener::clients() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(connections_.begin(), connections_.end(), [](const auto& one) { return one->connected(); }));
}

asio::awaitable<void> listener::stop(std::chrono::milliseconds patience) {
    for (const auto& one : doors_) one->at->close();
    tasks_.stop();
    ticker_.cancel();
    const std::vector<std::shared_ptr<connection>> all(connections_.begin(), connections_.end());
    for (const auto& one : all) one->shut_down();
    const auto until = with_.time.now() + patience;
    while (!connections_.empty() && with_.time.now() < until) {
        asio::steady_timer pause(executor_);
        pause.expires_after(std::chrono::milliseconds(20));
        auto [error] = co_await pause.async_wait(async::as_result);
        if (error) break;
    }
    served_.stop();
    co_await served_.join();
    co_await tasks_.join();
}

} // namespace broker::edge
