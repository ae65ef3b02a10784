#include "messaging/admin/json.hpp"

#include "common/core/base64.hpp"
#include "common/core/clock.hpp"
#include "common/core/percent.hpp"
#include "common/record/filter.hpp"
#include "common/record/properties.hpp"
#include "common/record/record.hpp"

#include <algorithm>

namespace messaging::admin {

namespace {

// Ref H.1, column "unsafe".
constexpr std::size_t subscribers_safe = 5;
constexpr std::uint64_t backlog_bytes_safe = 20'000'000;
constexpr double used_percent_safe = 80;
constexpr std::size_t unacknowledged_safe = 1'000;
constexpr std::int64_t silent_ms_safe = 86'400'000;

std::string_view text_of(topic::topic_class kind) noexcept {
    switch (kind) {
    case topic::topic_class::normal: return "normal";
    case topic::topic_class::kept: return "kept";
    case topic::topic_class::report: return "report";
    case topic::topic_class::alarm: return "alarm";
    }
    return "normal";
}

std::string_view text_of(msg_link::subscription_type type) noexcept {
    switch (type) {
    case msg_link::subscription_type::exclusive: return "exclusive";
    case msg_link::subscription_type::shared: return "shared";
    case msg_link::subscription_type::failover: return "failover";
    case msg_link::subscription_type::key_shared: return "key_shared";
    }
    return "unknown";
}

std::string_view text_of(msg_link::durability how) noexcept {
    switch (how) {
    case msg_link::durability::volatile_: return "volatile";
    case msg_link::durability::leased: return "leased";
    case msg_link::durability::durable: return "durable";
    }
    return "durable";
}

std::string_view text_of(record::authentication by) noexcept {
    switch (by) {
    case record::authentication::none: return "none";
    case record::authentication::basic: return "basic";
    case record::authentication::x509: return "x509";
    case record::authentication::application: return "application";
    }
    return "none";
}

void append_time(core::json_writer& out, std::string_view name, std::int64_t unix_ms) {
    out.key(name);
    if (unix_ms == 0)
        out.null();
    else
        out.value(core::iso_time(unix_ms));
}

void append_optional(core::json_writer& out, std::string_view name, std::string_view text) {
    if (!text.empty()) out.member(name, text);
}

std::string topic_path(const topic::topic& one) {
    return "/management/tenants/" + core::percent_encode(one.owner().name) + "/topics/" +
           core::percent_encode(one.name_space()) + "/" + core::percent_encode(one.name());
}

double rounded(float rate) noexcept { return static_cast<double>(static_cast<std::int64_t>(rate * 100.0F)) / 100; }

bool is_silent(const topic::subscription& one, std::int64_t now_ms) noexcept {
    if (one.held_bytes == 0) return false; // nothing to acknowledge
    const auto last = std::max(one.last_acknowledged_ms, one.idle_since_ms);
    return now_ms - last >= silent_ms_safe;
}

void append_properties(core::json_writer& out, std::string_view wire) {
    record::property_reader reader(wire);
    std::vector<std::pair<std::string_view, std::string_view>> user;
    while (const auto one = reader.next()) {
        switch (one->id) {
        case record::property::payload_format_indicator: out.member("payloadFormatIndicator", one->number); break;
        case record::property::content_type: out.member("contentType", one->text); break;
        case record::property::response_topic: out.member("responseTopic", one->text); break;
        case record::property::correlation_data: out.member("correlationData", core::base64_encode(one->text)); break;
        case record::property::user_property: user.emplace_back(one->name, one->text); break;
        }
    }
    if (user.empty()) return;
    out.key("userProperties").array();
    for (const auto& [name, value] : user) out.array().value(name).value(value).end();
    out.end();
}

} // namespace

double used_percent(std::uint64_t bytes, std::uint64_t of) noexcept {
    if (of == 0) return 0;
    return static_cast<double>(
               static_cast<std::int64_t>(static_cast<double>(bytes) * 10'000 / static_cast<double>(of))) /
           100;
}

double used_percent(const topic::topic& one) noexcept {
    const auto& quota = one.owner().quota;
    return used_percent(one.backlog_bytes, one.kept() ? quota.kept_bytes_per_topic : quota.backlog_bytes_per_topic);
}

double used_percent(const topic::subscription& one) noexcept {
    const auto& quota = one.owner().quota;
    const bool one_topic = one.filters.size() == 1 && !record::has_wildcard(one.filters.front().filter);
    return used_percent(one.held_bytes, one_topic ? quota.backlog_bytes_per_topic : quota.backlog_bytes_per_tenant);
}

bool is_unsafe(const topic::topic& one) noexcept {
    return one.edges.size() > subscribers_safe || one.backlog_bytes > backlog_bytes_safe ||
           used_percent(one) > used_percent_safe;
}

bool is_unsafe(const topic::subscription& one, std::int64_t now_ms) noexcept {
    return one.unacknowledged > unacknowledged_safe || used_percent(one) > used_percent_safe || is_silent(one, now_ms);
}

bool split_subscription_name(std::string_view name, subscription_owner& into) {
    constexpr std::string_view mark = ";volatile";
    const bool is_volatile = name.ends_with(mark);
    if (is_volatile) name.remove_suffix(mark.size());
    const auto at = name.find('@');
    if (at == name.npos || name.find('@', at + 1) != name.npos) return false;
    auto subscriber = core::percent_decode(name.substr(0, at));
    auto of = core::percent_decode(name.substr(at + 1));
    if (!subscriber || !of) return false;
    into.kind = "application";
    into.name = std::move(*subscriber);
    into.topic = std::move(*of);
    into.is_volatile = is_volatile;
    return true;
}

subscription_owner owner_of(topic::hub& hub, const topic::subscription& one) {
    subscription_owner made;
    if (!one.name.empty()) {
        if (split_subscription_name(one.name, made)) return made;
        made.kind = "link";
        made.name = one.name;
        return made;
    }
    made.kind = one.claim != 0 ? "client" : "link";
    if (const auto* by = hub.find_claim(one.claim)) made.name = by->client_id;
    return made;
}

void append_topic(core::json_writer& out, const topic::topic& one) {
    out.object().member("name", one.name()).member("namespace", one.name_space());
    out.member("class", text_of(one.of_class()));
    out.member("messageRateIn", rounded(one.rates.in)).member("messageRateOut", rounded(one.rates.out));
    out.member("messagesIn", one.messages_in).member("messagesOut", one.messages_out);
    out.member("subscribers", one.edges.size()).member("publishers", one.open_numbers);
    out.member("backlogBytes", one.backlog_bytes).member("usedBacklogPercent", used_percent(one));
    append_time(out, "lastUsed", one.used_ms);
    out.member("unsafe", is_unsafe(one)).member("self", topic_path(one)).end();
}

void append_subscription(core::json_writer& out, topic::hub& hub, const topic::subscription& one) {
    const auto owner = owner_of(hub, one);
    const auto id = std::to_string(one.id());
    out.object().member("id", id).member("kind", owner.kind).member("subscriber", owner.name);
    out.member("namespace", one.name_space);
    if (!owner.topic.empty()) out.member("topic", owner.topic);
    out.key("filters").array();
    for (std::size_t i = 0; i < std::min(one.filters.size(), filters_shown_max); ++i)
        out.object().member("filter", one.filters[i].filter).member("qos", one.filters[i].qos).end();
    out.end().member("filterCount", one.filters.size());
    out.member("type", text_of(one.type)).member("durability", text_of(one.durability));
    out.member("connectedClients", one.consumers.size());
    out.member("acknowledgmentRate", rounded(one.rates.acknowledged)).member("acknowledged", one.acknowledged_count);
    append_time(out, "lastAcknowledged", one.last_acknowledged_ms);
    append_time(out, "idleSince", one.consumers.empty() ? one.idle_since_ms : 0);
    out.member("unacknowledgedMessages", one.unacknowledged);
    out.member("backlogBytes", one.held_bytes).member("usedBacklogPercent", used_percent(one));
    out.member("unsafe", is_unsafe(one, hub.now_ms()));
    out.member("self", "/management/tenants/" + core::percent_encode(one.owner().name) + "/subscriptions/" + id).end();
}

bool append_message(core::json_writer& out, const topic::topic& from, const topic::message& one,
                    core::byte_span bytes) {
    const auto message = record::parse(bytes);
    if (!message) return false;
    out.object().member("position", one.position).member("time", core::iso_time(one.time_ms));
    out.member("topic", message->topic.value_or(from.name()));
    out.member("clientId", message->client_id);
    append_optional(out, "user", message->user);
    append_optional(out, "key", message->effective_key());
    out.member("authentication", text_of(message->authenticated_by));
    out.member("qos", message->qos).member("dup", message->dup).member("will", message->will);
    append_properties(out, message->properties);
    out.member("payloadBytes", message->payload.size()).member("payload", core::base64_encode(message->payload)).end();
    return true;
}

} // namespace messaging::admin
