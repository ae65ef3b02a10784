#include "broker/edge/listener.hpp"

#include "common/async/tokens.hpp"
#include "common/core/log.hpp"

#include <algorithm>
#include <tuple>

namespace broker::edge {

namespace {

using namespace std::chrono_literals;

/// Connections are looked after in slices, so that 18,000 of them are no hiccup.
constexpr auto tick = 100ms;
constexpr unsigned ticks_per_round = 10;
constexpr unsigned ticks_per_minute = 600;
/// A handshake that takes longer waits for its peer and costs us nothing: it gives its slot back, so that silent peers
/// cannot keep others out.
constexpr auto slot_time = 1s;

} // namespace

listener::listener(asio::any_io_executor executor, shared_parts& with)
    : executor_(executor), with_(with), tasks_(executor, "listener"), served_(executor, "connections"),
      ticker_(executor), gone_(executor) {}
listener::~listener() = default;

core::result<std::uint16_t> listener::open(net::acceptor_options options) {
    auto made = std::make_unique<door>(executor_);
    made->tls = options.tls != nullptr;
    made->at = std::make_unique<net::acceptor>(executor_, std::move(options));
    if (const auto opened = made->at->open(); !opened) return opened.error();
    const auto port = made->at->port();
    if (made->tls) tls_door_ = made.get();
    doors_.push_back(std::move(made));
    return port;
}

void listener::start() {
    for (const auto& one : doors_) tasks_.spawn("accept", accept_loop(one.get()));
    tasks_.spawn("watch", watch());
}

// --- accepting

/// While `handshakes_max` handshakes are under way nobody is accepted on the TLS port: who connects waits in the
/// system's queue, without memory or descriptor of ours and before its time begins to run.
asio::awaitable<void> listener::accept_loop(door* one) {
    while (true) {
        while (one->tls && one->slots_used >= with_.limits.handshakes_max) {
            ++with_.counters.accepting_paused;
            co_await one->slot_free.wait();
        }
        auto accepted = co_await one->at->accept();
        if (!accepted) co_return;
        ++with_.counters.accepted[one->tls ? 1 : 0];
        if (connections_.size() >= with_.limits.connections_max) {
            if (with_.counters.refused_connections++ % 1000 == 0)
                core::log::warn("connection limit reached", {{"limit", with_.limits.connections_max}});
            (*accepted)->close();
            continue;
        }
        auto made = std::make_shared<connection>(with_, std::move(*accepted));
        if (one->tls) {
            ++one->slots_used;
            made->holds_handshake_slot = true;
        }
        add(made);
        served_.spawn("connection", serve(std::move(made), one));
    }
}

asio::awaitable<void> listener::serve(std::shared_ptr<connection> one, door* by) {
    try {
        if (by->tls) {
            co_await one->handshake();
            release_slot(*one);
        }
        co_await one->run();
    } catch (const std::exception& failure) { // no memory, most likely; only this one ends
        core::log::error("connection failed",
                         {{"tenant", one->tenant()}, {"client", one->client_id()}, {"why", failure.what()}});
    }
    release_slot(*one);
    one->finish();
    remove(*one);
}

void listener::release_slot(connection& one) {
    if (!std::exchange(one.holds_handshake_slot, false)) return;
    --tls_door_->slots_used;
    tls_door_->slot_free.notify();
}

void listener::add(const std::shared_ptr<connection>& one) {
    one->place = connections_.size();
    connections_.push_back(one);
}

void listener::remove(const connection& one) {
    const auto place = one.place;
    if (place + 1 != connections_.size()) {
        connections_[place] = std::move(connections_.back());
        connections_[place]->place = place;
    }
    connections_.pop_back();
    gone_.notify();
}

// --- looking after them

asio::awaitable<void> listener::watch() {
    for (unsigned ticks = 1;; ++ticks) {
        ticker_.expires_after(tick);
        auto [error] = co_await ticker_.async_wait(async::as_result);
        if (error) co_return;
        with_.links.tick();
        look_after_some(with_.time.now());
        if (ticks % ticks_per_minute == 0) with_.tenants.sweep();
        if (ticks % (10 * ticks_per_minute) == 0) with_.links.close_idle_topics();
    }
}

void listener::recheck(const auth::trust_source& trust, std::string_view tenant) {
    for (auto* one : with_.certified.of(tenant))
        if (with_.certified.contains(one)) one->recheck(trust); // an end may end others
}

void listener::look_after_some(core::steady_time now) {
    const auto share = connections_.size() / ticks_per_round + 1;
    for (std::size_t i = 0; i < std::min(share, connections_.size()); ++i) {
        if (next_ >= connections_.size()) next_ = 0;
        auto& one = *connections_[next_++];
        if (one.holds_handshake_slot && now - one.accepted_at() > slot_time) release_slot(one);
        one.check(now);
    }
}

// --- what an operator sees and does

client_page listener::list(const client_query& which) const {
    const auto order = [](const connection* a, const connection* b) {
        return std::forward_as_tuple(a->tenant(), a->client_id()) < std::forward_as_tuple(b->tenant(), b->client_id());
    };
    const std::tuple<std::string_view, std::string_view> after{which.after_tenant, which.after_client_id};
    std::vector<const connection*> found;
    for (const auto& one : connections_) {
        if (!one->connected()) continue;
        if (!which.tenant.empty() && one->tenant() != which.tenant) continue;
        if (!which.client_id.empty() && one->client_id() != which.client_id) continue;
        if (std::tuple<std::string_view, std::string_view>(one->tenant(), one->client_id()) <= after) continue;
        found.push_back(one.get());
    }
    client_page page;
    page.more = found.size() > which.limit;
    const auto end = found.begin() + static_cast<std::ptrdiff_t>(std::min(found.size(), which.limit));
    std::partial_sort(found.begin(), end, found.end(), order);
    for (auto one = found.begin(); one != end; ++one) page.clients.push_back((*one)->describe());
    return page;
}

bool listener::disconnect(std::string_view tenant, std::string_view client_id) {
    const auto found = std::find_if(connections_.begin(), connections_.end(), [&](const auto& one) {
        return one->connected() && one->tenant() == tenant && one->client_id() == client_id;
    });
    if (found == connections_.end()) return false;
    (*found)->disconnect_by_operator();
    return true;
}

// --- the end

bool listener::anybody_owes_answers() const noexcept {
    return std::any_of(connections_.begin(), connections_.end(), [](const auto& one) { return one->owes_answers(); });
}

asio::awaitable<void> listener::stop(std::chrono::milliseconds grace, std::chrono::milliseconds patience) {
    for (const auto& one : doors_) one->at->close();
    tasks_.stop();
    ticker_.cancel();
    for (const auto& one : connections_) one->shut_down(false);
    bool in_time = true;
    const auto settled_by = with_.time.now() + grace;
    while (in_time && anybody_owes_answers()) in_time = co_await gone_.wait_until(settled_by);
    for (const auto& one : connections_) one->shut_down(true);
    in_time = true;
    const auto gone_by = with_.time.now() + patience;
    while (in_time && !connections_.empty()) in_time = co_await gone_.wait_until(gone_by);
    for (const auto& one : connections_) one->abandon();
    while (!connections_.empty()) co_await gone_.wait(); // nothing of them waits for a peer any more
    served_.stop();
    co_await served_.join();
    co_await tasks_.join();
}

} // namespace broker::edge
