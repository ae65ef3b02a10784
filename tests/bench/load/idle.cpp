// Holds many connections with one subscription each, so that somebody else can read the broker's memory meanwhile.
#include "common/core/json_writer.hpp"
#include "tests/bench/load/connection.hpp"
#include "tests/bench/load/held.hpp"
#include "tests/bench/load/modes.hpp"
#include "tests/bench/load/payload.hpp"

#include <algorithm>
#include <cstdio>

namespace bench {
namespace {

constexpr unsigned dial_batch = 100;

std::size_t count_closed(const std::vector<connection>& held) {
    std::size_t closed = 0;
    for (const auto& each : held) {
        pollfd entry{.fd = each.descriptor(), .events = POLLRDHUP, .revents = 0};
        if (::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) ++closed;
    }
    return closed;
}

} // namespace

int run_idle(const options& given) {
    dialler dial(given);
    std::vector<connection> held;
    held.reserve(given.idle);
    const auto begin = steady_ns();
    while (held.size() < given.idle) {
        std::vector<dial_request> requests;
        const auto end = std::min<std::size_t>(given.idle, held.size() + dial_batch);
        for (auto i = held.size(); i < end; ++i)
            requests.push_back({given.client_prefix + "-i" + std::to_string(i),
                                {given.topic_prefix + "/idle/" + std::to_string(i)},
                                given.qos});
        for (auto& each : dial.dial(requests)) {
            if (!each.problem.empty()) {
                std::fprintf(stderr, "mqtt-load: after %zu connections: %s\n", held.size(), each.problem.c_str());
                return 2;
            }
            held.push_back(std::move(each.socket));
        }
    }
    core::json_writer ready;
    ready.object().member("subscribed", held.size()).member("seconds", static_cast<double>(steady_ns() - begin) * 1e-9);
    std::puts(std::move(ready.end()).text().c_str());
    std::fflush(stdout);
    while (!input_ended(-1)) {
    }
    const auto closed = count_closed(held);
    core::json_writer done;
    done.object().member("ok", closed == 0).member("closed_by_peer", closed);
    std::puts(std::move(done.end()).text().c_str());
    return closed == 0 ? 0 : 1;
}

} // namespace bench
