#include "mapper/uplink/dead_letters.hpp"

#include "common/core/base64.hpp"
#include "common/core/json_writer.hpp"
#include "common/core/log.hpp"

#include <simdjson.h>

namespace mapper::uplink {

namespace {

constexpr std::size_t payload_bytes_max = 48 * 1024;
constexpr std::size_t text_bytes_max = 4 * 1024;
constexpr std::chrono::seconds log_every{10};

} // namespace

std::string letter_json(const dead_letter& of, std::int64_t now_ms) {
    core::json_writer out;
    out.object().member("reason", of.reason).member("message", of.message.substr(0, text_bytes_max));
    out.member("mapping", of.mapping).member("time", core::iso_time(now_ms));
    if (of.status != 0) out.member("status", of.status);
    if (!of.request.empty()) out.member("request", of.request.substr(0, text_bytes_max));
    out.member("topic", of.topic);
    if (const auto original = record::parse(core::as_bytes(of.record))) {
        out.member("clientId", original->client_id).member("user", original->user);
        out.member("arrival", core::iso_time(original->arrival_ms));
        const auto payload = original->payload.substr(0, payload_bytes_max);
        if (payload.size() < original->payload.size()) out.member("payloadCut", true);
        if (simdjson::validate_utf8(payload.data(), payload.size()))
            out.member("payload", payload);
        else
            out.member("payloadBase64", core::base64_encode(payload));
    }
    return std::move(out.end()).text();
}

void dead_letters::add(const dead_letter& of, std::function<void()> then) {
    const auto now = clock_.now();
    if (now >= next_log_) {
        core::log::warn("dead letter", {{"tenant", tenant_},
                                        {"topic", of.topic},
                                        {"mapping", of.mapping},
                                        {"reason", of.reason},
                                        {"message", of.message.substr(0, 300)},
                                        {"unlogged", unlogged_}});
        next_log_ = now + log_every;
        unlogged_ = 0;
    } else {
        ++unlogged_;
    }
    const auto body = letter_json(of, clock_.wall_ms());
    record::fields message;
    message.qos = 1;
    message.authenticated_by = record::authentication::application;
    message.arrival_ms = clock_.wall_ms();
    message.payload = body;
    publish_(std::string(topic), message, [this, then = std::move(then)](msg_link::reason why) {
        if (why == msg_link::reason::ok || why == msg_link::reason::no_subscribers)
            count_.dead_letters.add();
        else {
            count_.dead_letters_lost.add();
            core::log::error("a dead letter was not stored", {{"tenant", tenant_}, {"why", msg_link::text(why)}});
        }
        then();
    });
}

} // namespace mapper::uplink
