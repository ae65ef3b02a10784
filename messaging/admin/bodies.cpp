// What management takes: JSON bodies, read whole or refused with the first mistake.
#include "messaging/admin/json.hpp"

#include "common/core/base64.hpp"
#include "common/notification2/token_topic.hpp"
#include "common/record/device_topics.hpp"
#include "common/record/filter.hpp"

#include <simdjson.h>

#include <algorithm>
#include <initializer_list>

namespace messaging::admin {

namespace {

namespace dom = simdjson::dom;
constexpr std::size_t name_bytes_max = 512;
constexpr std::size_t topic_bytes_max = 4096;
constexpr std::size_t text_bytes_max = 65'534; // MQTT's two-byte length
constexpr std::size_t properties_max = 64;

/// A JSON object whose members are read by name; unknown ones are mistakes.
class body_reader {
  public:
    explicit body_reader(std::string_view body, std::initializer_list<std::string_view> known) {
        dom::element root;
        if (const auto error = parser_.parse(body.data(), body.size()).get(root); error != simdjson::SUCCESS) {
            wrong = "the body is not JSON: " + std::string(simdjson::error_message(error));
            return;
        }
        if (root.get(object_) != simdjson::SUCCESS) {
            wrong = "the body must be a JSON object";
            return;
        }
        for (const auto& [name, value] : object_)
            if (std::find(known.begin(), known.end(), name) == known.end()) complain(name, "is not known here");
    }

    bool find(std::string_view name, dom::element& into) {
        return wrong.empty() && object_.at_key(name).get(into) == simdjson::SUCCESS && !into.is_null();
    }
    void complain(std::string_view name, std::string_view what) {
        if (wrong.empty()) wrong = "'" + std::string(name) + "' " + std::string(what);
    }
    /// Without control characters, at most `bytes_max`.
    void text(std::string_view name, bool required, std::size_t bytes_max, std::string& into) {
        dom::element found;
        if (!find(name, found)) {
            if (required) complain(name, "is missing");
            return;
        }
        std::string_view value;
        if (found.get(value) != simdjson::SUCCESS) return complain(name, "must be a string");
        if (value.empty() && required) return complain(name, "must not be empty");
        if (value.size() > bytes_max) return complain(name, "is longer than " + std::to_string(bytes_max) + " bytes");
        if (has_control(value)) return complain(name, "holds a control character");
        into = value;
    }
    static bool has_control(std::string_view text) noexcept {
        return std::any_of(text.begin(), text.end(),
                           [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    }

    std::string wrong;

  private:
    dom::parser parser_;
    dom::object object_;
};

void read_payload(body_reader& from, std::string& into) {
    dom::element found;
    std::string_view text;
    const bool plain = from.find("payloadText", found);
    if (plain) {
        if (found.get(text) != simdjson::SUCCESS) return from.complain("payloadText", "must be a string");
        into = text;
    }
    if (!from.find("payload", found)) return;
    if (plain) return from.complain("payload", "and 'payloadText' exclude each other");
    if (found.get(text) != simdjson::SUCCESS) return from.complain("payload", "must be a string");
    auto bytes = core::base64_decode(text);
    if (!bytes) return from.complain("payload", "must be Base64 (RFC 4648, with padding)");
    into = std::move(*bytes);
}

void read_properties(body_reader& from, std::vector<std::pair<std::string, std::string>>& into) {
    dom::element found;
    if (!from.find("userProperties", found)) return;
    dom::array list;
    constexpr std::string_view form = "must be a list of pairs [name, value] of strings";
    if (found.get(list) != simdjson::SUCCESS) return from.complain("userProperties", form);
    if (list.size() > properties_max) return from.complain("userProperties", "are more than 64");
    for (const auto entry : list) {
        dom::array pair;
        std::string_view name;
        std::string_view value;
        if (entry.get(pair) != simdjson::SUCCESS || pair.size() != 2 || pair.at(0).get(name) != simdjson::SUCCESS ||
            pair.at(1).get(value) != simdjson::SUCCESS)
            return from.complain("userProperties", form);
        if (name.size() > text_bytes_max || value.size() > text_bytes_max ||
            name.find('\0') != std::string_view::npos || value.find('\0') != std::string_view::npos)
            return from.complain("userProperties", "hold U+0000 or a text over 65,534 bytes, which MQTT forbids");
        into.emplace_back(name, value);
    }
}

} // namespace

std::string check_topic_name(std::string_view name_space, std::string_view name) {
    if (name_space != notification2::mqtt_type && name_space != notification2::notification_type)
        return "the namespace must be mqtt or relnotif";
    if (name.empty() || name.size() > topic_bytes_max) return "a topic's name has 1 to 4096 bytes";
    if (record::has_wildcard(name)) return "a topic's name has no wildcards; they are for subscriptions";
    if (name.starts_with('$')) return "topics that begin with $ belong to the service";
    if (body_reader::has_control(name)) return "a topic's name holds no control characters";
    if (!simdjson::validate_utf8(name.data(), name.size())) return "a topic's name must be UTF-8";
    return {};
}

std::string read_new_topic(std::string_view body, new_topic& into) {
    body_reader from(body, {"name", "namespace"});
    from.text("name", true, topic_bytes_max, into.name);
    from.text("namespace", false, name_bytes_max, into.name_space);
    return from.wrong.empty() ? check_topic_name(into.name_space, into.name) : from.wrong;
}

std::string read_new_subscription(std::string_view body, new_subscription& into) {
    body_reader from(body, {"subscriber", "topic", "namespace", "start"});
    from.text("subscriber", true, name_bytes_max, into.subscriber);
    from.text("topic", true, topic_bytes_max, into.topic);
    from.text("namespace", false, name_bytes_max, into.name_space);
    std::string start = "newest";
    from.text("start", false, name_bytes_max, start);
    if (start != "newest" && start != "earliest") from.complain("start", "must be newest or earliest");
    into.start = start == "earliest" ? msg_link::start_at::earliest : msg_link::start_at::newest;
    if (!from.wrong.empty()) return from.wrong;
    if (into.name_space != notification2::mqtt_type && into.name_space != notification2::notification_type)
        return "'namespace' must be mqtt or relnotif";
    if (into.topic.starts_with('$') && into.topic != record::error_topic)
        return "'topic' must not begin with $, except $debug/$error";
    if (!record::has_wildcard(into.topic)) return {};
    if (into.name_space != notification2::mqtt_type) return "only 'topic's of the namespace mqtt may hold wildcards";
    if (into.subscriber.find('@') != std::string::npos)
        return "'subscriber' of a filter with wildcards must not hold @"; // it is the whole name; see subscription_name
    for (std::size_t at = 0; at < into.topic.size(); ++at) {
        const char c = into.topic[at];
        if (c != '+' && c != '#') continue;
        const bool starts = at == 0 || into.topic[at - 1] == '/';
        const bool ends = at + 1 == into.topic.size() || (c == '+' && into.topic[at + 1] == '/');
        if (!starts || !ends) return "'topic' is no valid filter: + and # stand for whole levels, # only at the end";
    }
    return {};
}

std::string read_new_message(std::string_view body, new_message& into) {
    body_reader from(body, {"payload", "payloadText", "clientId", "topic", "contentType", "userProperties"});
    from.text("clientId", false, text_bytes_max, into.client_id);
    from.text("topic", false, topic_bytes_max, into.topic);
    from.text("contentType", false, text_bytes_max, into.content_type);
    read_payload(from, into.payload);
    read_properties(from, into.user_properties);
    return from.wrong;
}

} // namespace messaging::admin
