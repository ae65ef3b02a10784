#include "messaging/topic/subscription.hpp"

#include "messaging/topic/delivery_sink.hpp"
#include "messaging/topic/key_shares.hpp"

#include <algorithm>

namespace messaging::topic {

bool well_formed_filter(std::string_view filter) noexcept {
    if (filter.empty()) return false;
    while (true) {
        const auto slash = filter.find('/');
        const auto level = filter.substr(0, slash);
        if (level.size() > 1 && level.find_first_of("+#") != std::string_view::npos) return false;
        if (slash == std::string_view::npos) return true;
        if (level == "#") return false;
        filter.remove_prefix(slash + 1);
    }
}

subscription::subscription(tenant& owner, std::uint64_t id) : owner_(owner), id_(id) {}
subscription::~subscription() = default;

consumer* subscription::pick() noexcept {
    if (consumers.empty()) return nullptr;
    if (type != msg_link::subscription_type::shared && type != msg_link::subscription_type::key_shared) {
        auto* active = consumers.front().get();
        return active->has_credit() ? active : nullptr;
    }
    for (std::size_t tried = 0; tried < consumers.size(); ++tried) {
        if (turn >= consumers.size()) turn = 0;
        auto* one = consumers[turn++].get();
        if (one->has_credit() && one->sink->ready()) return one;
    }
    // All that have credit wait for their sink: name one, so that the subscription is queued there.
    for (const auto& one : consumers)
        if (one->has_credit()) return one.get();
    return nullptr;
}

void subscription::queue(edge& one, std::uint64_t position) {
    one.queued = true;
    ready_.push_back({position, &one});
    std::push_heap(ready_.begin(), ready_.end(), later);
}

void subscription::pop_edge() {
    std::pop_heap(ready_.begin(), ready_.end(), later);
    ready_.back().of->queued = false;
    ready_.pop_back();
}

void subscription::forget_edge(const edge& one) {
    std::erase(edges, &one);
    if (!one.queued) return;
    std::erase_if(ready_, [&](const waiting& at) { return at.of == &one; });
    std::make_heap(ready_.begin(), ready_.end(), later);
}

void subscription::clear_ready() {
    for (auto& at : ready_) at.of->queued = false;
    ready_.clear();
}

outstanding* subscription::outstanding_from(std::uint64_t position) noexcept {
    if (outstanding_list.empty() || outstanding_list.front().position >= position) return outstanding_list.begin();
    return std::lower_bound(outstanding_list.begin(), outstanding_list.end(), position,
                            [](const outstanding& one, std::uint64_t at) { return one.position < at; });
}

void subscription::add_outstanding(const outstanding& one) {
    ++unacknowledged;
    if (outstanding_list.empty() || outstanding_list.back().position < one.position) {
        outstanding_list.push_back(one);
        return;
    }
    const auto at = outstanding_from(one.position);
    if (at != outstanding_list.end() && at->position == one.position)
        *at = one;
    else
        outstanding_list.insert(at, one);
}

void subscription::trim_outstanding() noexcept {
    while (!outstanding_list.empty() && outstanding_list.front().acknowledged) outstanding_list.pop_front();
}

} // namespace messaging::topic
