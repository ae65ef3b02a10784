#include "messaging/endpoint/token_request.hpp"

#include "common/notification2/token_topic.hpp"
#include "common/record/filter.hpp"

#include <simdjson.h>

#include <algorithm>

namespace messaging::endpoint {

namespace {

namespace n2 = notification2;
namespace dom = simdjson::dom;
constexpr std::size_t subscriber_bytes_max = 512;
constexpr std::size_t subscription_bytes_max = 4096; // its claim is up to three times as long, and a URL is bounded
constexpr std::int64_t minutes_max = 10LL * 366 * 24 * 60;

/// False when the field is absent or null.
bool find(const dom::object& in, std::string_view name, dom::element& into) {
    return in.at_key(name).get(into) == simdjson::SUCCESS && !into.is_null();
}

std::string read_text(const dom::object& in, const char* name, bool required, std::size_t bytes_max,
                      std::string& into) {
    dom::element found;
    const auto field = "'" + std::string(name) + "'";
    if (!find(in, name, found)) return required ? field + " is missing" : std::string{};
    std::string_view text;
    if (found.get(text) != simdjson::SUCCESS) return field + " must be a string";
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos && required) return field + " must not be blank";
    if (text.size() > bytes_max) return field + " is longer than " + std::to_string(bytes_max) + " bytes";
    if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
        return field + " holds a control character";
    into = text;
    return {};
}

std::string read_flag(const dom::object& in, const char* name, bool& into) {
    dom::element found;
    if (!find(in, name, found)) return {};
    return found.get(into) == simdjson::SUCCESS ? std::string{} : "'" + std::string(name) + "' must be true or false";
}

std::string read_minutes(const dom::object& in, std::int64_t& into) {
    dom::element found;
    if (!find(in, "expiresInMinutes", found)) return {};
    if (found.get(into) != simdjson::SUCCESS) return "'expiresInMinutes' must be an integer";
    if (into < 1 || into > minutes_max) return "'expiresInMinutes' must be from 1 to " + std::to_string(minutes_max);
    return {};
}

std::string check(const token_request& request) {
    if (!request.type.empty() && request.type != n2::mqtt_type && request.type != n2::notification_type &&
        request.type != "notification")
        return "'type' must be mqtt or notification";
    if (request.type == n2::mqtt_type && record::has_wildcard(request.subscription))
        return "'subscription' must be one MQTT topic, without wildcards";
    return {};
}

} // namespace

std::string parse_token_request(std::string_view body, token_request& into) {
    dom::parser parser;
    dom::element root;
    if (const auto error = parser.parse(body.data(), body.size()).get(root); error != simdjson::SUCCESS)
        return "the body is not JSON: " + std::string(simdjson::error_message(error));
    dom::object object;
    if (root.get(object) != simdjson::SUCCESS) return "the body must be a JSON object";
    bool is_signed = true; // tokens are always signed; a client that does not ask for it gets more than it wanted
    auto wrong = read_text(object, "subscriber", true, subscriber_bytes_max, into.subscriber);
    if (wrong.empty()) wrong = read_text(object, "subscription", true, subscription_bytes_max, into.subscription);
    if (wrong.empty()) wrong = read_text(object, "type", false, subscriber_bytes_max, into.type);
    if (wrong.empty()) wrong = read_minutes(object, into.expires_in_minutes);
    if (wrong.empty()) wrong = read_flag(object, "signed", is_signed);
    if (wrong.empty()) wrong = read_flag(object, "shared", into.shared);
    if (wrong.empty()) wrong = read_flag(object, "nonPersistent", into.non_persistent);
    return wrong.empty() ? check(into) : wrong;
}

} // namespace messaging::endpoint
