#include "mapper/mapping/mapping_loader.hpp"

#include "mapper/mapping/target_reader.hpp"
#include "mapper/mapping/test_reader.hpp"
#include "mapper/payload/json.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <tuple>

namespace mapper::mapping {

namespace {

using core::config_node;

const std::vector<std::string> base_names{"payload", "topic", "clientId", "user", "time", "operation", "device"};
const std::vector<std::string> statuses{"EXECUTING", "SUCCESSFUL", "FAILED"};

/// Names in the order of `slot`. Those that make no sense in a place get a name nobody can write.
expression::scope scope_of(bool message, bool operation, const std::vector<std::string>& levels) {
    expression::scope made{base_names, false};
    for (std::size_t i = 0; i < made.names.size(); ++i)
        if ((i < 5 && !message && i != 4) || (i >= 5 && !operation)) made.names[i].clear();
    made.names.insert(made.names.end(), levels.begin(), levels.end());
    return made;
}

class loader {
  public:
    loader(std::string_view text, std::string file)
        : document_(core::config_document::parse(text, file)), reader_(text), file_(std::move(file)) {}

    loaded run(std::string tenant) {
        mapping made;
        made.tenant = std::move(tenant);
        made.file = file_;
        if (document_.ok()) read(document_.root(), made);
        loaded out;
        out.complaints = document_.complaints();
        for (auto& one : reader_.take_complaints()) {
            one.file = file_;
            out.complaints.push_back(std::move(one));
        }
        std::sort(out.complaints.begin(), out.complaints.end(), [](const auto& a, const auto& b) {
            return std::tie(a.line, a.column, a.message) < std::tie(b.line, b.column, b.message);
        });
        if (out.complaints.empty()) out.made = std::make_shared<const mapping>(std::move(made));
        return out;
    }

  private:
    void read(config_node root, mapping& into) {
        root.required("mapping");
        if (root.read("mapping", into.name) && into.name.empty())
            root.child("mapping").complain("the mapping needs a name");
        auto from = root.child("from");
        auto on = root.child("on");
        if (from.exists() && on.exists())
            on.complain("a mapping has `from:` (device to platform) or `on:` (platform to device), not both");
        else if (on.exists())
            read_downlink(root, on, into.downlink.emplace());
        else if (from.exists())
            read_uplink(root, from, into.uplink.emplace());
        else
            root.complain("`from:` (device to platform) or `on:` (platform to device) is missing here");
        const bool outbound = into.downlink.has_value();
        for (const auto& one : root.child("tests").items()) into.tests.push_back(read_test(one, outbound));
        if (from.exists() != on.exists()) root.finish();
    }

    topic_filter read_topic(config_node parent, const char* key) {
        auto node = parent.required(key);
        if (!node.exists()) return {};
        const auto text = node.text();
        auto parsed = parse_topic_filter(text);
        if (auto* wrong = std::get_if<std::string>(&parsed)) {
            node.complain(*wrong);
            return {};
        }
        if (auto wrong = reserved_topic(text); !wrong.empty()) node.complain(wrong);
        for (const auto& name : std::get<topic_filter>(parsed).names())
            if (std::find(base_names.begin(), base_names.end(), name) != base_names.end())
                node.complain("the level name `{" + name + "}` is taken by the message's own `" + name +
                              "`; choose another");
        return std::get<topic_filter>(std::move(parsed));
    }

    condition read_condition(config_node parent, const char* key, const expression::scope& names) {
        auto node = parent.child(key);
        return {reader_.read_condition(node, names), template_reader::place_of(node)};
    }

    void read_uplink(config_node root, config_node from, uplink_rule& into) {
        into.topic = read_topic(from, "topic");
        std::string format = "json";
        if (from.read("format", format) && std::find(payload::known_formats().begin(), payload::known_formats().end(),
                                                     format) == payload::known_formats().end())
            from.child("format").complain("the format `" + format + "` is not known; this version reads: json");
        from.finish();
        const auto names = scope_of(true, false, into.topic.names());
        into.when = read_condition(root, "when", names);
        if (auto device = root.required("device"); device.exists()) read_device(device, into.device, names);
        auto to = root.required("to");
        for (const auto& one : to.items()) into.targets.push_back(read_target(one, reader_, names));
        if (to.is_sequence() && into.targets.empty())
            to.complain("nothing is made here; begin an entry with `- measurement:`");
    }

    void read_device(config_node node, device_rule& into, const expression::scope& names) {
        auto id = node.required("externalId");
        into.external_id = reader_.read(id, names);
        if (id.exists() && !id.is_scalar()) id.complain("one value is needed here, such as \"=payload.serial\"");
        if (id.is_scalar() && id.text().empty()) id.complain("must not be empty");
        auto type = node.child("type");
        into.type = reader_.read(type, names);
        if (!type.exists()) {
            into.type.literal = "\"c8y_Serial\"";
            into.type.literal_text = "c8y_Serial";
        }
        auto create = node.child("create");
        if (create.exists() && !create.is_map())
            create.complain("expected what a new device gets: { name: …, type: … }");
        into.create = create.is_map();
        if (into.create) {
            into.created = reader_.read(create, names);
            for (const char* reserved : {"id", "self", "owner", "creationTime", "lastUpdated"})
                if (into.created.find(reserved) != nullptr)
                    create.child(reserved).complain(std::string("`") + reserved +
                                                    "` is set by the platform and cannot be written");
        }
        node.finish();
    }

    std::string read_status(config_node parent, const char* key, bool required) {
        auto node = required ? parent.required(key) : parent.child(key);
        if (!node.exists()) return {};
        const auto text = node.text();
        if (std::find(statuses.begin(), statuses.end(), text) != statuses.end()) return text;
        std::string message = "must be EXECUTING, SUCCESSFUL or FAILED, not `" + text + "`";
        if (const auto near = core::nearest(text, statuses); !near.empty())
            message += "; did you mean " + std::string(near) + "?";
        node.complain(std::move(message));
        return {};
    }

    void read_downlink(config_node root, config_node on, downlink_rule& into) {
        on.required("operation");
        on.read("operation", into.operation);
        on.read("deviceType", into.device_type);
        on.finish();
        const auto names = scope_of(false, true, {});
        auto publish = root.required("publish");
        read_publish(publish, into, names);
        auto status = root.child("status");
        into.status_on_publish = read_status(status, "onPublish", false);
        if (auto timeout = status.child("timeout"); timeout.exists()) {
            timeout.required("after");
            timeout.read("after", into.timeout);
            if (timeout.child("set").exists()) into.timeout_status = read_status(timeout, "set", false);
            timeout.read("reason", into.timeout_reason);
            timeout.finish();
        }
        status.finish();
        if (auto response = root.child("response"); response.exists()) read_response(response, into.response.emplace());
    }

    void read_publish(config_node publish, downlink_rule& into, const expression::scope& names) {
        if (!publish.exists()) return;
        auto topic = publish.required("topic");
        into.topic = reader_.read(topic, names);
        if (topic.exists() && !topic.is_scalar())
            topic.complain("one text is needed here, such as \"dev/${device.externalId.c8y_Serial}/cmd\"");
        if (into.topic.what == template_node::form::literal)
            if (auto wrong = reserved_topic(into.topic.literal_text); !wrong.empty()) topic.complain(wrong);
        auto json = publish.child("json");
        auto text = publish.child("text");
        if (json.exists() == text.exists()) publish.complain("say once what is sent: `json: …` or `text: …`");
        into.body_is_text = text.exists();
        into.body = reader_.read(into.body_is_text ? text : json, names);
        if (text.exists() && !text.is_scalar()) text.complain("one text is needed here");
        if (publish.read("qos", into.qos) && into.qos > 1) publish.child("qos").complain("must be 0 or 1");
        publish.finish();
    }

    void read_response(config_node node, response_rule& into) {
        into.topic = read_topic(node, "topic");
        const auto names = scope_of(true, true, into.topic.names());
        node.required("match");
        into.match = read_condition(node, "match", names);
        auto set = node.required("set");
        for (auto& one : set.items()) {
            response_outcome outcome;
            outcome.when = read_condition(one, "when", names);
            outcome.status = read_status(one, "status", true);
            outcome.reason = reader_.read(one.child("reason"), names);
            outcome.result = reader_.read(one.child("result"), names);
            if (auto result = one.child("result"); result.exists() && !result.is_map())
                result.complain("expected members to add to the operation: { c8y_Relay: … }");
            one.finish();
            into.outcomes.push_back(std::move(outcome));
        }
        if (set.is_sequence() && into.outcomes.empty())
            set.complain("an answer needs at least one outcome: - { status: SUCCESSFUL }");
        node.finish();
    }

    core::config_document document_;
    template_reader reader_;
    std::string file_;
};

} // namespace

loaded load_mapping(std::string_view text, std::string file, std::string tenant) {
    return loader(text, std::move(file)).run(std::move(tenant));
}

loaded load_mapping_file(const std::string& path, std::string tenant) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream content;
    content << in.rdbuf();
    if (!in) {
        loaded out;
        out.complaints.push_back({path, 0, 0, "", "cannot read the file; does it exist and may this user read it?"});
        return out;
    }
    return load_mapping(content.str(), path, std::move(tenant));
}

} // namespace mapper::mapping
