// Subscriptions: made, filtered, attached, acknowledged, given back, sought, removed.
#include "common/record/filter.hpp"
#include "tests/property/messaging/hub_run_parts.hpp"

namespace property {

namespace {
constexpr std::array<const char*, 9> filters{"a/1", "a/2", "b/1", "b/2", "c", "a/+", "+/1", "#", "b/#"};
constexpr std::array<msg_link::subscription_type, 4> types{
    msg_link::subscription_type::exclusive, msg_link::subscription_type::shared, msg_link::subscription_type::failover,
    msg_link::subscription_type::key_shared};
constexpr std::uint64_t bytes_of_credit = 1ULL << 40;
} // namespace

bool hub_run::matches(const subscription_model& of, const std::string& topic) const {
    return std::any_of(of.filters.begin(), of.filters.end(), [&](const auto& at) {
        return at.second.present.now() && record::filter_matches(at.first, topic);
    });
}

subscription_model* hub_run::pick_subscription() {
    std::vector<subscription_model*> there;
    for (auto& [name, one] : subscriptions_)
        if (one.present.now()) there.push_back(&one);
    return there.empty() ? nullptr : there[pick(there.size())];
}

messaging::topic::subscription* hub_run::real(const subscription_model& of) {
    return hub().find_subscription(tenant_name(of.tenant), "mqtt", of.name);
}

messaging::topic::consumer* hub_run::real(const subscription_model& of, std::uint32_t stream) {
    for (const auto& one : real(of)->consumers)
        if (one->stream == stream) return one.get();
    return nullptr;
}

void hub_run::subscribe() {
    std::size_t there = 0;
    for (const auto& [name, one] : subscriptions_) there += one.present.now() ? 1 : 0;
    if (there >= 6) return;
    const auto name = "s" + std::to_string(next_name_++);
    auto& made = subscriptions_[name];
    made.tenant = pick(tenants);
    made.name = name;
    made.type.resolve(types[pick(types.size())]);
    const auto owner = tenant_name(made.tenant);
    messaging::topic::subscribe_request request;
    request.tenant = owner;
    request.name_space = "mqtt";
    request.name = name;
    request.type = made.type.now();
    request.durability = msg_link::durability::durable;
    auto why = reason::ok;
    auto* const one = hub().subscribe(request, why);
    if (one == nullptr) return complain("a subscription was refused");
    made.present.set(version(), true);
    if (one_in(2)) {
        made.max_deliveries = static_cast<std::uint16_t>(1 + pick(3));
        hub().set_max_deliveries(*one, made.max_deliveries);
    }
    made.settings_version = version();
    const auto start = one_in(3) ? msg_link::start_at::earliest : msg_link::start_at::newest;
    made.reached_back = start == msg_link::start_at::earliest;
    for (auto left = 1 + pick(2); left > 0; --left) {
        const std::string filter = filters[pick(filters.size())];
        if (made.filters.contains(filter)) continue;
        trace("subscribe " + name + " of " + owner + " type " + std::to_string(static_cast<int>(made.type.now())) +
              " to " + filter + " max " + std::to_string(made.max_deliveries) + " start " +
              std::to_string(static_cast<int>(start)));
        made.filters.emplace(filter, filter_model(version()));
        if (start == msg_link::start_at::earliest)
            for (const auto& [id, message] : messages_)
                if (message.tenant == made.tenant && record::filter_matches(filter, message.topic) && alive(message))
                    made.needs.emplace(id, need(true));
        if (hub().add_filter(*one, filter, 1, start) != reason::ok) return complain("a filter was refused");
    }
    checkpoint();
    if (!one_in(4)) attach();
}

void hub_run::attach() {
    auto* const to = pick_subscription();
    if (to == nullptr) return;
    const auto owner = tenant_name(to->tenant);
    messaging::topic::subscribe_request request;
    request.tenant = owner;
    request.name_space = "mqtt";
    request.name = to->name;
    request.type = to->type.now();
    request.durability = msg_link::durability::durable;
    auto why = reason::ok;
    auto* const one = hub().subscribe(request, why);
    if (to->type.now() == type::exclusive && !to->consumers.empty()) {
        if (one != nullptr || why != reason::busy) complain("a second consumer of an exclusive subscription");
        return;
    }
    if (one == nullptr) return complain("a consumer was refused");
    if (to->consumers.size() >= 3) return;
    consumer_model made;
    made.stream = next_stream_++;
    made.sink = pick(sinks_.size());
    made.credit = one_in(3) ? pick(4) : 1'000'000;
    trace("attach " + std::to_string(made.stream) + " to " + to->name + " credit " + std::to_string(made.credit));
    streams_[made.stream] = to->name;
    to->consumers.push_back(made);
    auto* const with = hub().attach(*one, *sinks_[made.sink], made.stream, one_in(2) ? "" : std::to_string(pick(5)));
    hub().credit(*with, made.credit, bytes_of_credit);
}

/// What the consumer had is to be delivered again, and counts as a delivery that failed.
void hub_run::take_off(subscription_model& of, std::uint32_t stream) {
    for (auto& [id, one] : of.needs) {
        if (one.at != need::place::outstanding || one.stream != stream) continue;
        one.at = one.wanted.now() ? need::place::back : need::place::done;
        one.due_ms = 0;
        if (one.count != 0) ++one.count;
    }
    std::erase_if(of.consumers, [&](const auto& at) { return at.stream == stream; });
    streams_.erase(stream);
}

void hub_run::detach() {
    auto* const from = pick_subscription();
    if (from == nullptr || from->consumers.empty()) return;
    const auto stream = from->consumers[pick(from->consumers.size())].stream;
    auto* const with = real(*from, stream);
    trace("detach " + std::to_string(stream) + " from " + from->name);
    take_off(*from, stream);
    hub().detach(*with);
}

void hub_run::forget_needs_of(subscription_model& of) {
    for (auto& [id, one] : of.needs) {
        if (one.wanted.now()) one.wanted.set(version_, false);
        one.at = need::place::done;
    }
}

void hub_run::remove_subscription() {
    auto* const one = pick_subscription();
    if (one == nullptr) return;
    auto* const there = real(*one);
    std::vector<std::pair<std::size_t, std::uint32_t>> ends;
    for (const auto& with : one->consumers) {
        ends.emplace_back(with.sink, with.stream);
        streams_.erase(with.stream);
    }
    one->consumers.clear();
    trace("remove " + one->name);
    one->present.set(version(), false);
    forget_needs_of(*one);
    hub().remove(*there, reason::removed);
    for (const auto& [at, stream] : ends)
        if (!sinks_[at]->ends.contains(stream)) complain("a removed subscription's stream has no end");
    checkpoint();
}

void hub_run::change_filter() {
    auto* const of = pick_subscription();
    if (of == nullptr) return;
    const std::string filter = filters[pick(filters.size())];
    trace("filter " + filter + " of " + of->name);
    const auto found = of->filters.find(filter);
    if (found == of->filters.end() || !found->second.present.now()) {
        if (found == of->filters.end())
            of->filters.emplace(filter, filter_model(version()));
        else
            found->second.present.set(version(), true);
        if (hub().add_filter(*real(*of), filter, 1, msg_link::start_at::newest) != reason::ok)
            complain("a filter was refused");
        return checkpoint();
    }
    const auto left =
        std::count_if(of->filters.begin(), of->filters.end(), [](const auto& at) { return at.second.present.now(); });
    if (left < 2) return;
    found->second.present.set(version(), false);
    if (!hub().remove_filter(*real(*of), filter)) complain("a filter was not there");
    // Unread messages go with it; what was read before, or held back for its key, stays until it is acknowledged.
    const auto& read = real(*of)->redeliveries;
    const auto wanted_from = [&](const std::string& topic) { // by the filters that are left
        auto start = ~std::uint64_t{0};
        for (const auto& at : real(*of)->filters)
            if (record::filter_matches(at.filter, topic)) start = std::min(start, at.start);
        return start;
    };
    for (auto& [id, one] : of->needs) {
        const auto& what = messages_.at(id);
        if (one.at != need::place::unsent || !record::filter_matches(filter, what.topic)) continue;
        if (what.position > wanted_from(what.topic) || read.contains(what.position)) continue;
        if (one.wanted.now()) one.wanted.set(version_, false);
        one.at = need::place::done;
    }
    checkpoint();
}

void hub_run::change_type() {
    auto* const of = pick_subscription();
    if (of == nullptr) return;
    const auto wanted = types[pick(types.size())];
    if (wanted == of->type.now()) return;
    const bool changed = hub().change_type(*real(*of), wanted);
    if (changed != of->consumers.empty()) return complain("the type changes only without consumers");
    if (!changed) return;
    trace("type of " + of->name + " " + std::to_string(static_cast<int>(wanted)));
    of->type.set(version(), wanted);
    checkpoint();
}

} // namespace property
