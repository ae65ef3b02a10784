// Tenant options (ref E.6): category, key, value; keys that begin `credentials.` are shown to their microservice only.
#include "common/net/encoding.hpp"
#include "tests/platform/routes/call.hpp"

namespace platform_sim::routes {

namespace {

/// A secret is decrypted for the service user whose microservice has the name of the category.
std::string shown_value(const call& c, std::string_view category, std::string_view key, const std::string& value) {
    if (!key.starts_with("credentials.")) return value;
    const bool owner = c.who.is_service() && c.who.name == "service_" + std::string(category);
    return owner ? value : "<<Encrypted>>";
}

std::string self_of(const call& c, const std::string& category, const std::string& key) {
    return c.base + "/tenant/options/" + net::percent_encode(category) + "/" + net::percent_encode(key);
}

json::object document(const call& c, const std::string& category, const std::string& key, const std::string& value) {
    json::object made;
    made["category"] = category;
    made["key"] = key;
    made["value"] = shown_value(c, category, key, value);
    made["self"] = self_of(c, category, key);
    return made;
}

http_response category_document(const call& c, const std::string& category) {
    json::object made;
    for (const auto& [key, value] : c.of.options.of(category)) made[key] = shown_value(c, category, key, value);
    return ok(c, "option", model::json_text(made));
}

/// A text, and more than a single blank.
std::optional<refusal> check_value(const json::value* given, std::string_view of) {
    if (given == nullptr) return model::missing(std::string(of));
    if (!given->is_string() || given->get_string().empty() || given->get_string() == " ")
        return model::invalid(std::string(of) + " is not a valid value");
    return std::nullopt;
}

http_response unknown(const call& c) {
    return not_found("options", "Unable to find option by given key: " + c.captured[0] + "/" + c.captured[1]);
}

http_response list(call& c) {
    std::vector<json::object> found;
    for (const auto& [category, keys] : c.of.options.all())
        for (const auto& [key, value] : keys) found.push_back(document(c, category, key, value));
    return paged(c, "optionCollection", "options", found,
                 [](std::string& out, const json::object& of) { model::append_json(out, of); });
}

/// 200, unlike other creations; an option that is there is replaced.
http_response create(call& c) {
    http_response no;
    const auto body = read_body(c, "options", no);
    if (!body) return no;
    for (const char* const name : {"category", "key", "value"})
        if (const auto wrong = check_value(body->if_contains(name), name)) return refuse(*wrong);
    const std::string category(model::text_member(*body, "category"));
    const std::string key(model::text_member(*body, "key"));
    const std::string value(model::text_member(*body, "value"));
    c.of.options.set(category, key, value);
    return updated(c, "option", document(c, category, key, value));
}

http_response get_category(call& c) { return category_document(c, c.captured[0]); }

http_response put_category(call& c) {
    http_response no;
    const auto body = read_body(c, "options", no);
    if (!body) return no;
    for (const auto& member : *body)
        if (const auto wrong = check_value(&member.value(), {member.key().data(), member.key().size()}))
            return refuse(*wrong);
    for (const auto& member : *body) {
        const std::string key(member.key().data(), member.key().size());
        c.of.options.set(c.captured[0], key, std::string(model::text_member(*body, key)));
    }
    if (!c.http.headers.has("Accept")) return http_response(200);
    return category_document(c, c.captured[0]);
}

http_response get(call& c) {
    const auto* value = c.of.options.find(c.captured[0], c.captured[1]);
    if (value == nullptr) return unknown(c);
    return ok(c, "option", model::json_text(document(c, c.captured[0], c.captured[1], *value)));
}

http_response put(call& c) {
    if (c.of.options.find(c.captured[0], c.captured[1]) == nullptr) return unknown(c);
    http_response no;
    const auto body = read_body(c, "options", no);
    if (!body) return no;
    if (const auto wrong = check_value(body->if_contains("value"), "value")) return refuse(*wrong);
    const std::string value(model::text_member(*body, "value"));
    c.of.options.set(c.captured[0], c.captured[1], value);
    return updated(c, "option", document(c, c.captured[0], c.captured[1], value));
}

http_response remove(call& c) {
    if (!c.of.options.remove(c.captured[0], c.captured[1])) return unknown(c);
    return no_content();
}

} // namespace

std::span<const route> option_routes() {
    static const std::vector<route> all{
        {"GET", "/tenant/options", list, {"ROLE_OPTION_MANAGEMENT_READ"}},
        {"POST", "/tenant/options", create, {"ROLE_OPTION_MANAGEMENT_ADMIN"}},
        {"GET", "/tenant/options/{category}", get_category, {"ROLE_OPTION_MANAGEMENT_READ"}},
        {"PUT", "/tenant/options/{category}", put_category, {"ROLE_OPTION_MANAGEMENT_ADMIN"}},
        {"GET", "/tenant/options/{category}/{key}", get, {"ROLE_OPTION_MANAGEMENT_READ"}},
        {"PUT", "/tenant/options/{category}/{key}", put, {"ROLE_OPTION_MANAGEMENT_ADMIN"}},
        {"DELETE", "/tenant/options/{category}/{key}", remove, {"ROLE_OPTION_MANAGEMENT_ADMIN"}},
    };
    return all;
}

} // namespace platform_sim::routes
