#include "mapper/downlink/open_operations.hpp"

#include "common/core/json_writer.hpp"

#include <simdjson.h>

namespace mapper::downlink {

std::string to_state(const operation& of) {
    core::json_writer out;
    out.object().member("id", of.open.id).member("mapping", of.mapping).member("published", of.published);
    out.member("expires", of.expires_ms)
        .member("timeoutStatus", of.timeout_status)
        .member("timeoutReason", of.timeout_reason);
    out.member("operation", of.open.json);
    const auto& device = of.open.device;
    out.key("device").object().member("id", device.id).member("name", device.name).member("type", device.type);
    out.key("externalIds").array();
    for (const auto& [type, id] : device.external_ids) out.array().value(type).value(id).end();
    return std::move(out.end().end().end()).text();
}

std::optional<operation> from_state(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
    const auto read = [](const simdjson::dom::element& in, std::string_view name, std::string& into) {
        std::string_view found;
        if (in[name].get(found) != simdjson::SUCCESS) return false;
        into = found;
        return true;
    };
    operation made;
    simdjson::dom::element device;
    simdjson::dom::array ids;
    if (!read(root, "id", made.open.id) || !read(root, "mapping", made.mapping) ||
        !read(root, "operation", made.open.json) || !read(root, "timeoutStatus", made.timeout_status) ||
        !read(root, "timeoutReason", made.timeout_reason) ||
        root["published"].get(made.published) != simdjson::SUCCESS ||
        root["expires"].get(made.expires_ms) != simdjson::SUCCESS || root["device"].get(device) != simdjson::SUCCESS ||
        device["externalIds"].get(ids) != simdjson::SUCCESS)
        return std::nullopt;
    auto& of = made.open.device;
    if (!read(device, "id", of.id) || !read(device, "name", of.name) || !read(device, "type", of.type))
        return std::nullopt;
    for (const auto pair : ids) {
        std::string_view type;
        std::string_view id;
        if (pair.at(0).get(type) != simdjson::SUCCESS || pair.at(1).get(id) != simdjson::SUCCESS) return std::nullopt;
        of.external_ids.emplace_back(type, id);
    }
    return made;
}

void open_operations::restore(operation one) {
    auto id = one.open.id;
    all_.insert_or_assign(std::move(id), std::make_shared<operation>(std::move(one)));
}

void open_operations::keep(std::shared_ptr<operation> one, std::function<void(bool ok)> then) {
    auto key = std::string(key_prefix) + one->open.id;
    auto value = to_state(*one);
    all_.insert_or_assign(one->open.id, std::move(one));
    put_(std::move(key), std::move(value), std::move(then));
}

void open_operations::forget(const std::string& id) {
    auto key = std::string(key_prefix) + id;
    if (all_.erase(id) == 0) return;
    put_(std::move(key), std::nullopt, [](bool) {});
}

std::shared_ptr<operation> open_operations::find(const std::string& id) const {
    const auto found = all_.find(id);
    return found == all_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<operation>> open_operations::waiting_for(std::string_view mapping) const {
    std::vector<std::shared_ptr<operation>> made;
    for (const auto& [id, one] : all_)
        if (one->mapping == mapping && !one->ending) made.push_back(one);
    return made;
}

std::vector<std::shared_ptr<operation>> open_operations::expired(std::int64_t now_ms) const {
    std::vector<std::shared_ptr<operation>> made;
    for (const auto& [id, one] : all_)
        if (one->expires_ms != 0 && one->expires_ms <= now_ms && !one->ending) made.push_back(one);
    return made;
}

} // namespace mapper::downlink
