#include "tests/platform/model/notification_hub.hpp"

#include "common/net/encoding.hpp"
#include "tests/platform/model/notification_rules.hpp"

#include <functional>
#include <set>

namespace platform_sim::model {

struct notification_hub::message {
    std::uint64_t number = 0;
    std::uint64_t source = 0;
    std::int64_t at_ms = 0;
    std::string text; ///< all after the acknowledgement line
    topic* in = nullptr;
    std::size_t owed = 0; ///< subscribers that have not acknowledged it
};

struct notification_hub::consumer {
    std::uint64_t number = 0;
    std::string client;
    consumer_sink* sink = nullptr;
    subscriber* of = nullptr;
    std::map<std::string, message_ptr, std::less<>> unacknowledged;
};

struct notification_hub::subscriber {
    topic* in = nullptr;
    std::string name;
    bool shared = false;
    std::vector<consumer*> consumers;
    std::map<std::uint64_t, message_ptr> waiting; ///< by message number
};

struct notification_hub::topic {
    topic_key key;
    std::uint64_t bytes = 0; ///< of messages that somebody has yet to acknowledge
    std::map<std::string, subscriber> subscribers;
};

notification_hub::notification_hub(std::string tenant, const core::clock& clock, limits with)
    : tenant_(std::move(tenant)), clock_(clock), limits_(with) {}
notification_hub::~notification_hub() = default;

bool notification_hub::subscribe(notification_subscription added) {
    for (const auto& [id, present] : subscriptions_)
        if (present.source == added.source && present.context == added.context && present.name == added.name)
            return false;
    const auto id = added.id;
    subscriptions_.emplace(id, std::move(added));
    return true;
}

const notification_subscription* notification_hub::find(std::uint64_t id) const {
    const auto found = subscriptions_.find(id);
    return found == subscriptions_.end() ? nullptr : &found->second;
}

bool notification_hub::erase(std::uint64_t id) { return subscriptions_.erase(id) == 1; }

bool notification_hub::wants(std::string_view api) const {
    for (const auto& [id, rule] : subscriptions_) {
        if (api == "measurements" && rule.context == "tenant") continue;
        if (rule.apis.empty()) return true;
        for (const auto& named : rule.apis)
            if (named == "*" || named.starts_with(api)) return true; // alarms, alarmsWithChildren
    }
    return false;
}

bool notification_hub::publish(const change& of) {
    bool stored = true;
    std::set<topic_key> fed; // several subscriptions may feed one topic: one copy
    for (const auto& [id, rule] : subscriptions_) {
        if (!subscription_matches(rule, of)) continue;
        topic_key key{rule.name, rule.non_persistent};
        const auto found = topics_.find(key);
        if (found == topics_.end() || !fed.insert(std::move(key)).second) continue;
        stored = publish_to(*found->second, of, rule) && stored;
    }
    return stored;
}

bool notification_hub::publish_to(topic& into, const change& of, const notification_subscription& because) {
    expire(into);
    auto made = std::make_shared<message>();
    made->number = ++last_message_;
    made->source = of.source;
    made->at_ms = clock_.wall_ms();
    made->in = &into;
    made->text = "/" + tenant_ + "/" + std::string(of.api) + "/" + std::to_string(of.source) + "\n" +
                 std::string(of.action) + "\n\n" + notification_body(because, of);
    std::vector<subscriber*> takers;
    for (auto& [name, one] : into.subscribers)
        if (!into.key.non_persistent || !one.consumers.empty()) takers.push_back(&one);
    if (takers.empty()) return true;
    if (into.bytes + made->text.size() > limits_.topic_bytes_max) return into.key.non_persistent;
    into.bytes += made->text.size();
    made->owed = takers.size();
    ++published_count_;
    for (subscriber* one : takers) {
        one->waiting.emplace(made->number, made);
        pump(*one);
    }
    return true;
}

notification_hub::consumer* notification_hub::choose(subscriber& of, const message& next) {
    if (of.consumers.empty()) return nullptr;
    consumer* best = nullptr;
    std::size_t best_score = 0;
    for (consumer* one : of.consumers) { // highest score wins: a leaving client moves only its own sources
        const auto score = std::hash<std::string>{}(one->client + "/" + std::to_string(next.source));
        if (best == nullptr || score > best_score) {
            best = one;
            best_score = score;
        }
    }
    return best->unacknowledged.size() < limits_.unacknowledged_max ? best : nullptr;
}

void notification_hub::pump(subscriber& of) {
    std::set<std::uint64_t> held; // sources whose client is full: their order must be kept
    for (auto next = of.waiting.begin(); next != of.waiting.end();) {
        const message_ptr one = next->second;
        consumer* to = held.contains(one->source) ? nullptr : choose(of, *one);
        if (to == nullptr) {
            if (of.consumers.size() <= 1) return;
            held.insert(one->source);
            ++next;
            continue;
        }
        next = of.waiting.erase(next);
        const std::string place = std::to_string(to->number) + ":" + std::to_string(one->number);
        std::string ack = net::base64_encode(core::as_bytes(place));
        std::string frame = ack + "\n" + one->text;
        to->unacknowledged.emplace(std::move(ack), one);
        ++delivered_count_;
        to->sink->deliver(std::move(frame));
    }
}

void notification_hub::forget(const message_ptr& gone) {
    if (--gone->owed == 0) gone->in->bytes -= gone->text.size();
}

void notification_hub::expire(topic& in) {
    const auto oldest = clock_.wall_ms() - limits_.ttl_ms;
    for (auto& [name, one] : in.subscribers)
        while (!one.waiting.empty() && one.waiting.begin()->second->at_ms < oldest) {
            forget(one.waiting.begin()->second);
            one.waiting.erase(one.waiting.begin());
        }
}

bool notification_hub::busy(const attachment& as) const {
    const auto found = topics_.find(as.topic);
    if (found == topics_.end()) return false;
    const auto one = found->second->subscribers.find(as.subscriber);
    if (one == found->second->subscribers.end() || one->second.consumers.empty()) return false;
    return !(one->second.shared && as.shared);
}

std::optional<std::uint64_t> notification_hub::attach(const attachment& as, consumer_sink& to) {
    if (busy(as)) return std::nullopt;
    auto& in = topics_[as.topic];
    if (in == nullptr) {
        in = std::make_unique<topic>();
        in->key = as.topic;
    }
    expire(*in);
    subscriber& of = in->subscribers[as.subscriber];
    of.in = in.get();
    of.name = as.subscriber;
    of.shared = as.shared;
    auto made = std::make_unique<consumer>();
    made->number = ++last_consumer_;
    made->client = as.client.empty() ? "#" + std::to_string(made->number) : as.client;
    made->sink = &to;
    made->of = &of;
    of.consumers.push_back(made.get());
    consumers_.emplace(made->number, std::move(made));
    pump(of);
    return last_consumer_;
}

void notification_hub::acknowledge(std::uint64_t number, std::string_view text) {
    const auto found = consumers_.find(number);
    if (found == consumers_.end()) return;
    consumer& by = *found->second;
    const auto message_at = by.unacknowledged.find(text);
    if (message_at == by.unacknowledged.end()) return;
    forget(message_at->second);
    by.unacknowledged.erase(message_at);
    ++acknowledged_count_;
    pump(*by.of);
}

void notification_hub::detach(std::uint64_t number) {
    const auto found = consumers_.find(number);
    if (found == consumers_.end()) return;
    const std::unique_ptr<consumer> gone = std::move(found->second);
    consumers_.erase(found);
    if (gone->of == nullptr) return;
    subscriber& of = *gone->of;
    std::erase(of.consumers, gone.get());
    for (const auto& [ack, one] : gone->unacknowledged) of.waiting.emplace(one->number, one);
    if (of.in->key.non_persistent && of.consumers.empty()) {
        for (const auto& [at, one] : of.waiting) forget(one);
        of.waiting.clear();
    }
    pump(of);
}

bool notification_hub::unsubscribe(const topic_key& key, const std::string& name) {
    const auto found = topics_.find(key);
    if (found == topics_.end() || !found->second->subscribers.contains(name)) return false;
    drop_subscriber(*found->second, name);
    return true;
}

void notification_hub::drop_subscriber(topic& in, const std::string& name) {
    subscriber& of = in.subscribers.at(name);
    std::vector<consumer_sink*> ended;
    for (consumer* one : of.consumers) {
        for (const auto& [ack, message_of] : one->unacknowledged) forget(message_of);
        one->unacknowledged.clear();
        one->of = nullptr;
        ended.push_back(one->sink);
        const auto number = one->number;
        consumers_.erase(number);
    }
    for (const auto& [at, one] : of.waiting) forget(one);
    in.subscribers.erase(name);
    for (consumer_sink* sink : ended) sink->end();
}

std::size_t notification_hub::backlog(const topic_key& key, const std::string& name) const {
    const auto found = topics_.find(key);
    if (found == topics_.end()) return 0;
    const auto one = found->second->subscribers.find(name);
    if (one == found->second->subscribers.end()) return 0;
    std::size_t count = one->second.waiting.size();
    for (const consumer* by : one->second.consumers) count += by->unacknowledged.size();
    return count;
}

} // namespace platform_sim::model
