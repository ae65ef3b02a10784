// What consumers do: acknowledge, give back, seek, take more or nothing.
#include "tests/property/messaging/hub_run_parts.hpp"

namespace property {

void hub_run::acknowledge() {
    auto* const of = pick_subscription();
    if (of == nullptr || of->consumers.empty()) return;
    const auto stream = of->consumers[pick(of->consumers.size())].stream;
    std::vector<std::uint64_t> held;
    for (const auto& [id, one] : of->needs)
        if (one.at == need::place::outstanding && one.stream == stream) held.push_back(messages_.at(id).position);
    if (held.empty()) return;
    auto from = held[pick(held.size())];
    auto to = from;
    if (one_in(2)) to = std::max(to, held[pick(held.size())]); // a range
    if (one_in(3)) from = 0;                                   // cumulative
    trace("acknowledge " + of->name + " " + std::to_string(from) + " to " + std::to_string(to));
    for (auto& [id, one] : of->needs) {
        const auto position = messages_.at(id).position;
        if (one.at != need::place::outstanding || one.stream != stream || position < from || position > to) continue;
        if (one.wanted.now()) one.wanted.set(unwritten, false);
        one.at = need::place::done;
    }
    hub().acknowledge(*real(*of, stream), from, to);
}

void hub_run::give_back() {
    auto* const of = pick_subscription();
    if (of == nullptr || of->consumers.empty()) return;
    const auto stream = of->consumers[pick(of->consumers.size())].stream;
    std::vector<std::uint64_t> held;
    for (const auto& [id, one] : of->needs)
        if (one.at == need::place::outstanding && one.stream == stream) held.push_back(messages_.at(id).position);
    if (held.empty()) return;
    std::sort(held.begin(), held.end());
    const auto from = held[pick(held.size())];
    const auto to = one_in(2) ? from : std::max(from, held[pick(held.size())]);
    const auto delay = static_cast<std::uint32_t>(one_in(2) ? 0 : pick(2'000));
    trace("give back " + of->name + " " + std::to_string(from) + " to " + std::to_string(to) + " delay " +
          std::to_string(delay));
    const bool by_keys = of->type.now() == type::key_shared;
    std::set<std::string> keys;
    for (auto& [id, one] : of->needs) {
        const auto& what = messages_.at(id);
        if (one.at != need::place::outstanding || one.stream != stream || what.position < from) continue;
        const bool named = what.position <= to;
        const bool keyed = by_keys && !what.key.empty();
        if (named && keyed) keys.insert(what.key);
        if (!named && !of->rewinds() && !(keyed && keys.contains(what.key))) continue;
        one.at = one.wanted.now() ? need::place::back : need::place::done;
        if (named && one.count != 0) ++one.count;
        one.due_ms = delay == 0 || of->rewinds() ? 0 : now() + delay;
    }
    if (of->rewinds() && delay != 0) of->paused_until_ms = now() + delay;
    hub().negative_acknowledge(*real(*of, stream), from, to, delay);
}

void hub_run::seek() {
    auto* const of = pick_subscription();
    if (of == nullptr) return;
    messaging::topic::seek_target target;
    using kind = messaging::topic::seek_target::kind;
    target.to = std::array{kind::earliest, kind::latest, kind::time}[pick(3)];
    target.time_ms = now() - static_cast<std::int64_t>(pick(3'000));
    trace("seek " + of->name + " " + std::to_string(static_cast<int>(target.to)));
    of->reached_back = of->reached_back || target.to != kind::latest;
    const auto change = version();
    std::vector<std::uint64_t> wanted;
    for (const auto& [id, message] : messages_) {
        if (message.tenant != of->tenant || !matches(*of, message.topic) || !alive(message)) continue;
        if (target.to == kind::latest || (target.to == kind::time && message.time_ms < target.time_ms)) continue;
        wanted.push_back(id);
    }
    for (auto& [id, one] : of->needs) {
        if (one.wanted.now()) one.wanted.set(change, false);
        one.at = need::place::done;
    }
    for (const auto id : wanted) {
        auto& one = of->needs.try_emplace(id, false).first->second;
        one.wanted.set(change, true);
        one.at = need::place::unsent;
        one.count = 1;
        one.due_ms = 0;
    }
    std::vector<std::pair<std::size_t, std::uint32_t>> ends;
    for (const auto& with : of->consumers) {
        ends.emplace_back(with.sink, with.stream);
        streams_.erase(with.stream);
    }
    of->consumers.clear();
    of->paused_until_ms = 0;
    if (hub().seek(*real(*of), target) != reason::ok) return complain("a seek was refused");
    for (const auto& [at, stream] : ends)
        if (!sinks_[at]->ends.contains(stream)) complain("a sought subscription's stream has no end");
    checkpoint();
}

void hub_run::give_credit() {
    auto* const of = pick_subscription();
    if (of == nullptr || of->consumers.empty()) return;
    auto& with = of->consumers[pick(of->consumers.size())];
    with.credit += 1 + pick(20);
    hub().credit(*real(*of, with.stream), with.credit, 1ULL << 40);
}

void hub_run::toggle_sink() {
    auto& one = *sinks_[pick(sinks_.size())];
    one.open = !one.open;
    trace("sink " + std::to_string(one.index) + (one.open ? " open" : " closed"));
    if (one.open) hub().sink_ready(one);
}

} // namespace property
