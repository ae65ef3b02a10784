#include "messaging/endpoint/link_sessions.hpp"

#include "common/core/log.hpp"

#include <algorithm>
#include <vector>

namespace messaging::endpoint {

void link_sessions::recover() {
    for (const auto number : hub_.recovered_sessions()) {
        auto& made = find_or_make(number);
        made.disconnect(clock_.now()); // restarts the lease
    }
    if (!sessions_.empty()) core::log::info("leases restarted", {{"sessions", sessions_.size()}});
}

topic::link_session& link_sessions::find_or_make(std::uint64_t number) {
    auto& at = sessions_[number];
    if (!at) at = std::make_unique<topic::link_session>(hub_, number);
    return *at;
}

const topic::link_session* link_sessions::find(std::uint64_t number) const noexcept {
    const auto found = sessions_.find(number);
    return found == sessions_.end() ? nullptr : found->second.get();
}

void link_sessions::tick() {
    const auto now = clock_.now();
    std::vector<std::uint64_t> over;
    for (const auto& [number, session] : sessions_) {
        if (session->connected()) continue;
        if (now - session->disconnected_at() >= hub_.defaults().failover_after) session->yield_failover();
        if (session->finished() || now - session->disconnected_at() >= hub_.defaults().lease) over.push_back(number);
    }
    for (const auto number : over) {
        const auto& session = *sessions_[number];
        if (!session.finished()) core::log::warn("link lease over", {{"session", number}});
        hub_.end_session(number);
        sessions_.erase(number);
    }
}

std::size_t link_sessions::connected() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(sessions_.begin(), sessions_.end(), [](const auto& at) { return at.second->connected(); }));
}

} // namespace messaging::endpoint
