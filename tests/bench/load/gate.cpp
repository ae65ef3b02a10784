#include "tests/bench/load/gate.hpp"

#include "tests/bench/load/payload.hpp"
#include "tests/bench/load/report.hpp"
#include "tests/bench/load/wire.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

namespace bench {

gate::gate(const options& given, gate_events& owner) : options_(given), owner_(owner), starter_(given) {}

void gate::start(std::uint32_t number, const std::string& client_id, const std::string& filter) {
    auto socket = starter_.start();
    if (!socket.is_open()) {
        owner_.on_failed(number, std::string("cannot start: ") + std::strerror(errno));
        return;
    }
    if (clients_.size() <= number) clients_.resize(number + std::size_t{1});
    clients_[number] = std::make_unique<arrival>(
        std::move(socket), starter_.tls(), connect_packet(client_id, options_.user, options_.password, keep_alive_s),
        filter.empty() ? std::string() : subscribe_packet(1, {filter}, options_.qos), options_.qos);
    const auto& made = *clients_[number];
    deadlines_.push_back({made.begun_ns() + from_seconds(options_.connect_timeout_s), number, &made, made.begun_ns()});
    ++under_way_;
    on_ready(number); // on the loopback it is connected already
    if (clients_[number])
        poller_.add_for_changes(clients_[number]->socket().descriptor(), number, clients_[number]->may_write());
}

void gate::turn(std::uint64_t wait_ns) {
    for (const auto& event : poller_.wait(wait_ns)) on_ready(event.data.u32);
    give_up_on_late(steady_ns());
}

void gate::on_ready(std::uint32_t number) {
    if (!clients_[number]) return;
    auto& client = *clients_[number];
    if (client.is_in()) return on_traffic(number);
    switch (client.advance()) {
    case arrival::state::failed: return fail(number, std::string(client.problem()));
    case arrival::state::under_way: return;
    case arrival::state::in: break;
    }
    --under_way_;
    owner_.on_in(number, client);
}

void gate::on_traffic(std::uint32_t number) {
    char ignored[512];
    io_result got;
    while (got.state == io_state::done) got = clients_[number]->socket().read_some(ignored, sizeof ignored);
    if (got.state == io_state::would_block) return;
    remove(number);
    owner_.on_lost(number);
}

void gate::give_up_on_late(std::uint64_t now_ns) {
    while (!deadlines_.empty() && deadlines_.front().at_ns <= now_ns) {
        const auto late = deadlines_.front();
        deadlines_.pop_front();
        const auto* const client = clients_[late.number].get();
        // The number, and even the memory, may belong to a later one.
        if (client != late.client || client->begun_ns() != late.begun_ns || client->is_in()) continue;
        fail(late.number, "not in within the time of --connect-timeout");
    }
}

void gate::fail(std::uint32_t number, const std::string& why) {
    --under_way_;
    remove(number);
    owner_.on_failed(number, why);
}

void gate::let_go(std::uint32_t number) {
    clients_[number]->socket().disconnect();
    remove(number);
}

// Closing takes a descriptor out of epoll as well.
void gate::remove(std::uint32_t number) { clients_[number].reset(); }

} // namespace bench
