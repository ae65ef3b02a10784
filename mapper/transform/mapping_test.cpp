#include "mapper/transform/mapping_test.hpp"

#include "common/core/clock.hpp"
#include "common/core/json_writer.hpp"
#include "mapper/transform/downlink_transform.hpp"
#include "mapper/transform/uplink_transform.hpp"

#include <algorithm>

namespace mapper::transform {

using expression::kind;
using expression::value;

namespace {

constexpr std::int64_t test_time_ms = 1'767'225'600'000; ///< 2026-01-01T00:00:00Z: arrival of every tested message

std::string_view output_name(output_kind of) {
    switch (of) {
    case output_kind::measurement: return "measurement";
    case output_kind::event: return "event";
    case output_kind::alarm: return "alarm";
    case output_kind::alarm_clear: return "alarmClear";
    case output_kind::inventory: return "inventory";
    }
    return "";
}

std::string shown(const value& of) {
    if (!of.exists()) return "nothing";
    std::string out;
    expression::append_json(out, of);
    if (out.size() > 120) out = out.substr(0, 117) + "...";
    return out;
}

void compare(const std::string& path, const value& expected, const value& got, std::string& out);

void compare_objects(const std::string& path, const value& expected, const value& got, std::string& out) {
    const auto wanted = expression::ordered_members(expected);
    for (const auto& one : wanted) compare(path + "." + std::string(one.name), one.of, got.field(one.name), out);
    for (const auto& one : expression::ordered_members(got)) {
        if (expected.field(one.name).exists() || one.name == "time") continue;
        out += "    " + path + "." + std::string(one.name) + ": not expected, but came " + shown(one.of) + "\n";
    }
}

void compare_lists(const std::string& path, const value& expected, const value& got, std::string& out) {
    std::vector<value> left;
    std::vector<value> right;
    for_items(expected, [&](const value& one) { return left.push_back(one), true; });
    for_items(got, [&](const value& one) { return right.push_back(one), true; });
    for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i)
        compare(path + "[" + std::to_string(i) + "]", i < left.size() ? left[i] : value{},
                i < right.size() ? right[i] : value{}, out);
}

void compare(const std::string& path, const value& expected, const value& got, std::string& out) {
    if (expected.is(kind::object) && got.is(kind::object)) return compare_objects(path, expected, got, out);
    if (expected.is(kind::array) && got.is(kind::array)) return compare_lists(path, expected, got, out);
    if (shown(expected) == shown(got)) return;
    const std::string where = path.empty() ? "out" : path;
    if (!expected.exists())
        out += "    " + where + ": not expected, but came " + shown(got) + "\n";
    else if (!got.exists())
        out += "    " + where + ": expected " + shown(expected) + ", but nothing came\n";
    else
        out += "    " + where + ": expected " + shown(expected) + ", but came " + shown(got) + "\n";
}

void append_output(const output& one, const device_reference& device, std::string& out) {
    if (out.size() > 1) out.push_back(',');
    out.append("{\"").append(output_name(one.kind)).append("\":{\"source\":");
    core::append_json_string(out, device.type + "/" + device.external_id);
    if (one.kind == output_kind::alarm_clear) {
        out.append(",\"type\":");
        core::append_json_string(out, one.alarm_type);
        out.push_back('}');
    } else {
        if (one.body.size() > 2) out.push_back(',');
        out.append(one.body, 1);
    }
    out.push_back('}');
}

device_context device_of(std::string_view json, payload::json_decoder& decoder) {
    device_context made{"4711", "test device", "", {}};
    value of;
    if (!decoder.decode(json, of)) return made;
    const auto take = [&](std::string_view name, std::string& into) {
        if (const auto found = of.field(name); found.is(kind::text)) into = found.as_text();
    };
    take("id", made.id);
    take("name", made.name);
    take("type", made.type);
    for (const auto& one : expression::ordered_members(of.field("externalId")))
        if (one.of.is(kind::text)) made.external_ids.emplace_back(one.name, one.of.as_text());
    return made;
}

std::string outbound_as_json(const mapping::mapping& of, const mapping::test_case& test, std::string& error) {
    downlink_transform transform;
    payload::json_decoder decoder;
    auto device = device_of(test.device, decoder);
    if (device.type.empty()) device.type = of.downlink->device_type;
    core::json_writer out;
    out.array();
    if (test.is_response) {
        value operation;
        open_operation open{"1", test.operation, device};
        if (decoder.decode(test.operation, operation) && operation.field("id").is(kind::text))
            open.id = operation.field("id").as_text();
        const open_operation* const one = &open;
        const auto update = transform.answer(of, {test.topic, test.payload, "", "", test_time_ms}, std::span(&one, 1));
        if (transform.failed()) error = transform.error().text();
        if (update) out.object().key("operation").raw(update->body).end();
        return std::move(out.end()).text();
    }
    if (!transform.applies(of, test.operation, device)) return std::move(out.end()).text();
    publish_request request;
    if (!transform.publish(of, test.operation, device, test_time_ms, request)) {
        error = transform.error().text();
        return std::move(out.end()).text();
    }
    out.object().key("publish").object().member("topic", request.topic);
    if (of.downlink->body_is_text)
        out.member("text", request.payload);
    else
        out.key("json").raw(request.payload);
    out.end().end();
    return std::move(out.end()).text();
}

} // namespace

std::string outputs_as_json(const mapping::mapping& of, std::string_view topic, std::string_view payload,
                            std::string_view client_id, std::string_view user, std::string& error) {
    uplink_transform transform;
    transform.open({topic, payload, client_id, user, test_time_ms});
    uplink_result result;
    if (transform.apply(of, result) == uplink_status::failed) error = result.error.text();
    std::string out = "[";
    for (std::size_t i = 0; i < result.output_count; ++i)
        append_output(result.outputs[i], result.devices[result.outputs[i].device], out);
    out.push_back(']');
    return out;
}

std::string json_difference(std::string_view expected, std::string_view got) {
    payload::json_decoder left;
    payload::json_decoder right;
    value a;
    value b;
    if (!left.decode(expected, a)) return "    what is expected cannot be read: " + left.error() + "\n";
    if (!right.decode(got, b)) return "    what came cannot be read: " + right.error() + "\n";
    std::string out;
    compare("", a, b, out);
    return out;
}

std::vector<test_outcome> run_tests(const mapping::mapping& of) {
    std::vector<test_outcome> out;
    for (const auto& test : of.tests) {
        test_outcome one{test.name, test.place.line, false, {}};
        std::string error;
        const auto got = of.uplink ? outputs_as_json(of, test.topic, test.payload, test.client_id, test.user, error)
                                   : outbound_as_json(of, test, error);
        if (!test.expected_error.empty()) {
            if (error.empty())
                one.report = "    expected an error with \"" + test.expected_error + "\", but came " + got + "\n";
            else if (error.find(test.expected_error) == std::string::npos)
                one.report = "    expected an error with \"" + test.expected_error + "\", but it was: " + error + "\n";
        } else {
            if (!error.empty())
                one.report = "    the mapping failed: " + error + "\n";
            else
                one.report = json_difference(test.expected, got);
        }
        one.passed = one.report.empty();
        out.push_back(std::move(one));
    }
    return out;
}

} // namespace mapper::transform
