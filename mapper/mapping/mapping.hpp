// One mapping file as plain data (design §10): where from, when, which device, what to make of it; or, outbound, which
// operation, what to publish and how the answer is read. Made by mapping_loader, immutable, shared by const pointer.
#pragma once

#include "mapper/mapping/template.hpp"
#include "mapper/mapping/topic_filter.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mapper::mapping {

/// The names expressions know. Levels of the topic filter come after them, in order.
enum class slot : std::uint32_t { payload, topic, client_id, user, time, operation, device, first_level };

/// A condition with its place; without program it is absent.
struct condition {
    expression::program_ptr program;
    source_place place;
    bool exists() const noexcept { return program != nullptr; }
};

struct device_rule {
    template_node external_id;
    template_node type; ///< c8y_Serial unless written
    bool create = false;
    template_node created; ///< members of the new managed object, without c8y_IsDevice
};

enum class target_kind : std::uint8_t { measurement, event, alarm, inventory };

struct series_rule {
    std::string name;
    template_node value;
    template_node unit;
};
struct fragment_rule {
    std::string name;
    std::vector<series_rule> series;
};

struct target {
    target_kind kind = target_kind::event;
    source_place place;
    condition when;
    condition clear_when; ///< alarm only
    template_node type;
    template_node time;
    template_node text;     ///< event and alarm
    template_node severity; ///< alarm
    std::vector<fragment_rule> measurements;
    template_node fragments; ///< everything else: custom members of event, alarm and inventory
};

struct uplink_rule {
    topic_filter topic;
    condition when;
    device_rule device;
    std::vector<target> targets;
};

struct response_outcome {
    condition when;
    std::string status; ///< EXECUTING, SUCCESSFUL or FAILED
    template_node reason;
    template_node result; ///< members added to the operation
};

struct response_rule {
    topic_filter topic;
    condition match;
    std::vector<response_outcome> outcomes;
};

struct downlink_rule {
    std::string operation;   ///< the fragment that names it, e.g. c8y_Relay
    std::string device_type; ///< empty: any
    template_node topic;
    template_node body;
    bool body_is_text = false;
    std::uint8_t qos = 1;
    std::string status_on_publish; ///< empty: unchanged
    std::chrono::milliseconds timeout{0};
    std::string timeout_status = "FAILED";
    std::string timeout_reason = "no answer";
    std::optional<response_rule> response;
};

/// One entry of `tests:`; everything is JSON text.
struct test_case {
    std::string name;
    source_place place;
    std::string topic;
    std::string payload;
    std::string client_id = "test-client";
    std::string user = "test-user";
    std::string operation; ///< outbound only
    std::string device;
    bool is_response = false;
    std::string expected; ///< JSON list
    std::string expected_error;
};

struct mapping {
    std::string name;
    std::string tenant;
    std::string file;
    std::optional<uplink_rule> uplink;
    std::optional<downlink_rule> downlink;
    std::vector<test_case> tests;
};

using mapping_ptr = std::shared_ptr<const mapping>;

} // namespace mapper::mapping
