#include "mapper/transform/downlink_transform.hpp"

#include "common/core/json_writer.hpp"

#include <algorithm>

namespace mapper::transform {

using expression::value;
using mapping::fill;
using mapping::slot;

namespace {

std::size_t at(slot of) { return static_cast<std::size_t>(of); }

/// MQTT: a topic to publish on is not empty and holds no wildcard ([MQTT-3.3.2-2]).
std::string wrong_topic(std::string_view topic) {
    if (topic.empty() || topic.size() > 256) return "the topic is empty or longer than 256 bytes";
    if (topic.find_first_of(std::string_view("+#\0", 3)) != std::string_view::npos)
        return "the topic \"" + std::string(topic.substr(0, 60)) + "\" holds + or #, which cannot be published to";
    if (topic.front() == '/' || topic.back() == '/' || topic.find("//") != std::string_view::npos)
        return "the topic \"" + std::string(topic.substr(0, 60)) + "\" has an empty level; is a value missing?";
    return mapping::reserved_topic(topic);
}

} // namespace

std::string status_body(std::string_view status, std::string_view failure_reason) {
    core::json_writer out;
    out.object().member("status", status);
    if (status == "FAILED" && !failure_reason.empty()) out.member("failureReason", failure_reason);
    return std::move(out.end()).text();
}

bool downlink_transform::refuse(const mapping::mapping& with, const mapping::source_place& where, std::string message) {
    failed_ = true;
    error_ = {with.name, with.file, where.key_path, where.line, where.column, std::move(message)};
    return false;
}

bool downlink_transform::decode(std::string_view operation_json, const mapping::mapping& with) {
    failed_ = false;
    slots_.assign(at(slot::first_level), value{});
    if (!operations_.decode(operation_json, slots_[at(slot::operation)]))
        return refuse(with, {"on.operation", 0, 0}, operations_.error());
    return true;
}

void downlink_transform::set_device(const device_context& device) {
    auto& memory = evaluator_.memory();
    auto* ids = expression::make_object(memory);
    for (const auto& [type, id] : device.external_ids) ids->set(memory, type, value::text(id));
    auto* made = expression::make_object(memory);
    made->set(memory, "id", value::text(device.id));
    made->set(memory, "name", value::text(device.name));
    made->set(memory, "type", value::text(device.type));
    made->set(memory, "externalId", value::object(ids));
    slots_[at(slot::device)] = value::object(made);
}

bool downlink_transform::applies(const mapping::mapping& to, std::string_view operation_json,
                                 const device_context& device) {
    if (!to.downlink || (!to.downlink->device_type.empty() && to.downlink->device_type != device.type)) return false;
    return decode(operation_json, to) && slots_[at(slot::operation)].field(to.downlink->operation).exists();
}

bool downlink_transform::publish(const mapping::mapping& with, std::string_view operation_json,
                                 const device_context& device, std::int64_t now_ms, publish_request& into) {
    if (!decode(operation_json, with)) return false;
    evaluator_.begin(now_ms);
    set_device(device);
    slots_[at(slot::time)] = value::number(static_cast<double>(now_ms));
    fill filled{evaluator_, slots_, nullptr, {}};
    const auto& rule = *with.downlink;
    into.topic.clear();
    into.payload.clear();
    into.qos = rule.qos;
    bool made = false;
    if (!mapping::append_text(rule.topic, filled, into.topic, made))
        return refuse(with, *filled.failed_at, filled.message);
    if (auto wrong = wrong_topic(into.topic); !wrong.empty()) return refuse(with, rule.topic.place, std::move(wrong));
    const bool filled_ok = rule.body_is_text ? mapping::append_text(rule.body, filled, into.payload, made)
                                             : mapping::append_json(rule.body, filled, into.payload, made);
    if (!filled_ok) return refuse(with, *filled.failed_at, filled.message);
    if (!made && !rule.body_is_text)
        return refuse(with, rule.body.place, "there is nothing to send; the value is missing in the operation");
    return true;
}

std::optional<status_update> downlink_transform::answer(const mapping::mapping& with, const inbound_message& message,
                                                        std::span<const open_operation* const> open) {
    failed_ = false;
    if (!with.downlink || !with.downlink->response) return std::nullopt;
    const auto& rule = *with.downlink->response;
    if (!rule.topic.match(message.topic, named_)) return std::nullopt;
    value answered;
    if (!answers_.decode(message.payload, answered)) {
        refuse(with, {"response", 0, 0}, answers_.error());
        return std::nullopt;
    }
    for (const auto* one : open) {
        if (!decode(one->json, with)) return std::nullopt;
        evaluator_.begin(message.time_ms);
        set_device(one->device);
        slots_[at(slot::payload)] = answered;
        slots_[at(slot::topic)] = value::text(message.topic);
        slots_[at(slot::client_id)] = value::text(message.client_id);
        slots_[at(slot::user)] = value::text(message.user);
        slots_[at(slot::time)] = value::number(static_cast<double>(message.time_ms));
        for (const auto name : named_) slots_.push_back(value::text(name));
        fill filled{evaluator_, slots_, nullptr, {}};
        value matches;
        if (!filled.evaluate(*rule.match.program, rule.match.place, matches)) {
            refuse(with, *filled.failed_at, filled.message);
            return std::nullopt;
        }
        if (expression::truth(matches)) return outcome(with, *one, filled);
    }
    return std::nullopt;
}

std::optional<status_update> downlink_transform::outcome(const mapping::mapping& with, const open_operation& of,
                                                         fill& filled) {
    for (const auto& one : with.downlink->response->outcomes) {
        value applies{};
        if (one.when.exists() && !filled.evaluate(*one.when.program, one.when.place, applies)) {
            refuse(with, *filled.failed_at, filled.message);
            return std::nullopt;
        }
        if (one.when.exists() && !expression::truth(applies)) continue;
        status_update made{of.id, one.status, {}, {}};
        bool any = false;
        std::string result;
        if ((one.reason.exists() && !mapping::append_text(one.reason, filled, made.failure_reason, any)) ||
            (one.result.exists() && !mapping::append_json(one.result, filled, result, any))) {
            refuse(with, *filled.failed_at, filled.message);
            return std::nullopt;
        }
        made.body = status_body(made.status, made.failure_reason);
        if (result.size() > 2) {
            made.body.back() = ',';
            made.body.append(result, 1);
        }
        return made;
    }
    return std::nullopt;
}

} // namespace mapper::transform
