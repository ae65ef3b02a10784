#include "mapper/transform/uplink_transform.hpp"

#include "common/core/clock.hpp"
#include "common/core/config_node.hpp"
#include "common/core/json_writer.hpp"
#include "mapper/expression/iso_time.hpp"

#include <algorithm>
#include <cmath>

namespace mapper::transform {

using expression::kind;
using expression::value;
using mapping::fill;
using mapping::slot;
using mapping::source_place;
using mapping::target;
using mapping::target_kind;
using mapping::template_node;

namespace {

constexpr std::size_t external_id_bytes_max = 1024;
constexpr double time_ms_max = 253'402'300'799'999; ///< end of the year 9999

/// Writes one target. Each step returns false after `with.fail`.
class target_writer {
  public:
    target_writer(fill& with, std::int64_t arrival_ms, output& into)
        : with_(with), arrival_ms_(arrival_ms), into_(into) {}

    /// `made` false: there was nothing to send.
    bool write(const target& of, bool& made) {
        into_.body.clear();
        into_.alarm_type.clear();
        made = true;
        if (of.kind == target_kind::alarm) return write_alarm(of, made);
        if (!holds(of.when, true, made) || !made) return with_.failed_at == nullptr;
        into_.body.push_back('{');
        if (of.kind == target_kind::inventory) {
            into_.kind = output_kind::inventory;
            if (!write_fragments(of)) return false;
            into_.body.push_back('}');
            made = into_.body.size() > 2;
            return true;
        }
        into_.kind = of.kind == target_kind::measurement ? output_kind::measurement : output_kind::event;
        if (!write_type(of, nullptr) || !write_time(of)) return false;
        if (of.kind == target_kind::measurement) return write_series(of, made);
        if (!write_text("text", of.text) || !write_fragments(of)) return false;
        into_.body.push_back('}');
        return true;
    }

  private:
    bool holds(const mapping::condition& when, bool absent, bool& answer) {
        answer = absent;
        if (!when.exists()) return true;
        value result;
        if (!with_.evaluate(*when.program, when.place, result)) return false;
        answer = expression::truth(result);
        return true;
    }

    bool write_alarm(const target& of, bool& made) {
        bool raise = false;
        bool clear = false;
        if (!holds(of.when, !of.clear_when.exists(), raise)) return false;
        if (!raise && !holds(of.clear_when, false, clear)) return false;
        if (!raise && !clear && !of.when.exists()) raise = true;
        made = raise || clear;
        if (!made) return true;
        into_.kind = raise ? output_kind::alarm : output_kind::alarm_clear;
        if (raise) into_.body.push_back('{');
        if (!write_type(of, &into_.alarm_type)) return false;
        if (!raise) {
            into_.body.clear();
            return true;
        }
        if (!write_time(of) || !write_text("text", of.text) || !write_severity(of) || !write_fragments(of))
            return false;
        into_.body.push_back('}');
        return true;
    }

    void key(std::string_view name) {
        if (into_.body.back() != '{') into_.body.push_back(',');
        core::append_json_string(into_.body, name);
        into_.body.push_back(':');
    }

    bool render(const template_node& from, std::string_view what) {
        text_.clear();
        bool made = false;
        if (!mapping::append_text(from, with_, text_, made)) return false;
        if (!made || text_.empty())
            return with_.fail(from.place, "the " + std::string(what) + " is empty; the platform needs one");
        return true;
    }

    bool write_type(const target& of, std::string* keep) {
        if (keep == nullptr && of.type.what == template_node::form::literal) {
            into_.body.append("\"type\":")
                .append(of.type.literal.starts_with('"') ? of.type.literal : '"' + of.type.literal + '"');
            return true;
        }
        if (!render(of.type, "type")) return false;
        if (keep != nullptr) *keep = text_;
        if (into_.body.empty()) return true;
        key("type");
        core::append_json_string(into_.body, text_);
        return true;
    }

    bool write_text(std::string_view name, const template_node& from) {
        if (!render(from, name)) return false;
        key(name);
        core::append_json_string(into_.body, text_);
        return true;
    }

    bool write_severity(const target& of) {
        if (!render(of.severity, "severity")) return false;
        if (text_ != "CRITICAL" && text_ != "MAJOR" && text_ != "MINOR" && text_ != "WARNING")
            return with_.fail(of.severity.place, "the severity must be CRITICAL, MAJOR, MINOR or WARNING, not \"" +
                                                     text_.substr(0, 40) + "\"");
        key("severity");
        core::append_json_string(into_.body, text_);
        return true;
    }

    /// ISO texts pass through, numbers are Unix milliseconds, nothing is the arrival time.
    bool write_time(const target& of) {
        value at;
        if (of.time.exists() && !mapping::to_value(of.time, with_, at)) return false;
        key("time");
        if (!at.exists()) {
            core::append_json_string(into_.body, core::iso_time(arrival_ms_));
        } else if (at.is(kind::number)) {
            const double ms = at.as_number();
            if (!(ms >= 0 && ms <= time_ms_max))
                return with_.fail(of.time.place,
                                  "the time is not within the years 1970 to 9999; numbers are milliseconds since 1970");
            core::append_json_string(into_.body, core::iso_time(static_cast<std::int64_t>(ms)));
        } else if (at.is(kind::text) && expression::complete_iso_time(at.as_text())) {
            core::append_json_string(into_.body, at.as_text());
        } else {
            std::string shown;
            expression::append_json(shown, at);
            return with_.fail(of.time.place,
                              "the time must look like 2026-02-03T10:15:30Z (or be milliseconds since 1970), not " +
                                  shown.substr(0, 60));
        }
        return true;
    }

    bool write_series(const target& of, bool& made) {
        made = false;
        for (const auto& fragment : of.measurements) {
            const auto before = into_.body.size();
            key(fragment.name);
            into_.body.push_back('{');
            bool any = false;
            for (const auto& series : fragment.series)
                if (!write_one_series(series, any)) return false;
            into_.body.push_back('}');
            if (!any) into_.body.resize(before);
            made = made || any;
        }
        into_.body.push_back('}');
        return true;
    }

    bool write_one_series(const mapping::series_rule& series, bool& any) {
        value reading;
        if (!mapping::to_value(series.value, with_, reading)) return false;
        if (!reading.exists() || reading.is(kind::null)) return true; // the device did not send it this time
        if (!reading.is(kind::number)) {
            std::string shown;
            expression::append_json(shown, reading);
            return with_.fail(series.value.place,
                              "a number is needed, not " + shown.substr(0, 60) +
                                  (reading.is(kind::text) ? "; $number(…) makes a number of a text" : ""));
        }
        any = true;
        key(series.name);
        into_.body.append("{\"value\":");
        core::append_json_number(into_.body, reading.as_number());
        if (series.unit.exists()) {
            text_.clear();
            bool made = false;
            if (!mapping::append_text(series.unit, with_, text_, made)) return false;
            if (made) {
                into_.body.append(",\"unit\":");
                core::append_json_string(into_.body, text_);
            }
        }
        into_.body.push_back('}');
        return true;
    }

    bool write_fragments(const target& of) {
        for (const auto& [name, from] : of.fragments.members) {
            const auto before = into_.body.size();
            key(name);
            bool made = false;
            if (!mapping::append_json(from, with_, into_.body, made)) return false;
            if (!made) into_.body.resize(before);
        }
        return true;
    }

    fill& with_;
    std::int64_t arrival_ms_;
    output& into_;
    std::string text_;
};

uplink_status failed(const mapping::mapping& with, const source_place& at, std::string why, uplink_result& result) {
    result.output_count = 0;
    result.error = {with.name, with.file, at.key_path, at.line, at.column, std::move(why)};
    return uplink_status::failed;
}

} // namespace

std::string transform_error::text() const { return core::complaint{file, line, column, key_path, message}.text(); }

void uplink_transform::open(const inbound_message& message) {
    message_ = message;
    decoded_ = decoded::not_yet;
    slots_.resize(static_cast<std::size_t>(slot::first_level));
    slots_[static_cast<std::size_t>(slot::topic)] = value::text(message.topic);
    slots_[static_cast<std::size_t>(slot::client_id)] = value::text(message.client_id);
    slots_[static_cast<std::size_t>(slot::user)] = value::text(message.user);
    slots_[static_cast<std::size_t>(slot::time)] = value::number(static_cast<double>(message.time_ms));
}

bool uplink_transform::decode(const mapping::mapping& with, uplink_result& result) {
    if (decoded_ == decoded::not_yet)
        decoded_ = decoder_.decode(message_.payload, slots_[static_cast<std::size_t>(slot::payload)])
                       ? decoded::yes
                       : decoded::refused;
    if (decoded_ == decoded::yes) return true;
    failed(with, {"from.format", 0, 0}, decoder_.error(), result);
    return false;
}

bool uplink_transform::resolve_device(const mapping::device_rule& rule, fill& with, uplink_result& result) {
    if (result.devices.empty()) result.devices.emplace_back();
    auto& device = result.devices[0];
    device.external_id.clear();
    device.type.clear();
    device.create_body.clear();
    device.create = rule.create;
    bool made = false;
    if (!mapping::append_text(rule.external_id, with, device.external_id, made)) return false;
    const auto& id = device.external_id;
    if (!made || id.empty())
        return with.fail(rule.external_id.place,
                         "the external ID is empty; the message does not say which device it is");
    if (id == "null" || id == "undefined")
        return with.fail(rule.external_id.place, "the external ID is \"" + id + "\", which is no device's ID");
    if (id.size() > external_id_bytes_max)
        return with.fail(rule.external_id.place, "the external ID is longer than 1024 bytes");
    if (!mapping::append_text(rule.type, with, device.type, made)) return false;
    if (!made || device.type.empty()) return with.fail(rule.type.place, "the type of the external ID is empty");
    if (!rule.create) return true;
    auto& body = device.create_body;
    if (!mapping::append_json(rule.created, with, body, made)) return false;
    body.pop_back();
    const auto add = [&](std::string_view member) {
        if (body.size() > 1) body.push_back(',');
        body.append(member);
    };
    if (rule.created.find("name") == nullptr) {
        add("\"name\":");
        core::append_json_string(body, id);
    }
    if (rule.created.find("c8y_IsDevice") == nullptr) add("\"c8y_IsDevice\":{}");
    body.push_back('}');
    return true;
}

uplink_status uplink_transform::apply(const mapping::mapping& with, uplink_result& result) {
    result.output_count = 0;
    if (!with.uplink || !with.uplink->topic.match(message_.topic, named_)) return uplink_status::skipped;
    if (!decode(with, result)) return uplink_status::failed;
    slots_.resize(static_cast<std::size_t>(slot::first_level));
    for (const auto name : named_) slots_.push_back(value::text(name));
    evaluator_.begin(message_.time_ms);
    fill filled{evaluator_, slots_, nullptr, {}};
    const auto& rule = *with.uplink;
    if (rule.when.exists()) {
        value answer;
        if (!filled.evaluate(*rule.when.program, rule.when.place, answer))
            return failed(with, *filled.failed_at, filled.message, result);
        if (!expression::truth(answer)) return uplink_status::skipped;
    }
    if (!resolve_device(rule.device, filled, result)) return failed(with, *filled.failed_at, filled.message, result);
    for (const auto& one : rule.targets) {
        if (result.outputs.size() == result.output_count) result.outputs.emplace_back();
        bool made = false;
        if (!target_writer(filled, message_.time_ms, result.outputs[result.output_count]).write(one, made))
            return failed(with, *filled.failed_at, filled.message, result);
        if (made) ++result.output_count;
    }
    return result.output_count > 0 ? uplink_status::made : uplink_status::skipped;
}

} // namespace mapper::transform
