#include "messaging/declared_subscriptions.hpp"

#include "common/core/log.hpp"
#include "common/record/filter.hpp"
#include "messaging/endpoint/api_context.hpp"

#include <algorithm>
#include <set>

namespace messaging {

namespace {

constexpr std::string_view name_space = "mqtt";

std::vector<std::string> filters_of(const declared_subscription& one) {
    if (!one.filters.empty()) return one.filters;
    return {std::string(endpoint::filter_of(one.topic))};
}

msg_link::reason bring_about(topic::hub& to, const declared_subscription& one, topic::subscription*& made) {
    auto why = msg_link::reason::ok;
    made = to.find_subscription(one.tenant, name_space, one.name());
    if (made == nullptr) {
        topic::subscribe_request request;
        const auto name = one.name();
        request.tenant = one.tenant;
        request.name_space = name_space;
        request.name = name;
        request.type = one.type;
        request.durability = msg_link::durability::durable;
        made = to.subscribe(request, why);
        if (made == nullptr) return why;
    } else if (!to.change_type(*made, one.type)) {
        core::log::warn("declared subscription in use: its type changes when nobody does",
                        {{"tenant", one.tenant}, {"subscription", made->name}});
    }
    to.set_declared(*made, true);
    to.set_max_deliveries(*made, one.max_deliveries);
    const auto filters = filters_of(one);
    for (const auto& filter : filters) {
        const auto added = to.add_filter(*made, filter, 2, msg_link::start_at::newest);
        if (added != msg_link::reason::ok) why = added;
    }
    std::vector<std::string> gone;
    for (const auto& have : made->filters)
        if (std::find(filters.begin(), filters.end(), have.filter) == filters.end()) gone.push_back(have.filter);
    for (const auto& filter : gone) to.remove_filter(*made, filter);
    return why;
}

} // namespace

std::string declared_subscription::name() const {
    const bool exact = filters.empty() && !record::has_wildcard(topic);
    return exact ? endpoint::subscription_name(subscriber, topic, false) : subscriber;
}

bool parse_subscription_type(std::string_view text, msg_link::subscription_type& into) noexcept {
    using enum msg_link::subscription_type;
    constexpr std::pair<std::string_view, msg_link::subscription_type> names[] = {
        {"exclusive", exclusive}, {"shared", shared}, {"failover", failover}, {"key_shared", key_shared}};
    for (const auto& [name, type] : names)
        if (name == text) {
            into = type;
            return true;
        }
    return false;
}

void declare(topic::hub& to, const std::vector<declared_subscription>& wanted) {
    std::set<const topic::subscription*> named;
    for (const auto& one : wanted) {
        topic::subscription* made = nullptr;
        const auto why = bring_about(to, one, made);
        if (made != nullptr) named.insert(made);
        if (why != msg_link::reason::ok)
            core::log::error("declared subscription not made",
                             {{"tenant", one.tenant}, {"subscription", one.name()}, {"why", msg_link::text(why)}});
    }
    for (const auto& [tenant_name, owner] : to.tenants())
        for (const auto& [id, one] : owner->subscriptions) {
            if (!one->declared || named.contains(one.get())) continue;
            to.set_declared(*one, false);
            core::log::warn("a subscription is declared no more; it is kept until somebody removes it",
                            {{"tenant", tenant_name}, {"subscription", one->name}, {"bytes", one->held_bytes}});
        }
}

} // namespace messaging
