#include "mapper/uplink/service_alarms.hpp"

#include "common/core/json_writer.hpp"
#include "common/core/log.hpp"
#include "common/record/device_topics.hpp"
#include "mapper/api/alarms.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>

namespace mapper::uplink {

namespace {

constexpr std::uint64_t credit_bytes = 1024 * 1024;

transform::device_reference source_object() {
    transform::device_reference made;
    made.type = "c8y_Serial";
    made.external_id = service_alarms::source;
    made.create = true;
    made.create_body = R"({"name":"MQTT service","type":"mqtt_service","c8y_IsDevice":{}})";
    return made;
}

bool is_severity(std::string_view text) noexcept {
    constexpr std::array<std::string_view, 4> known{"CRITICAL", "MAJOR", "MINOR", "WARNING"};
    return std::find(known.begin(), known.end(), text) != known.end();
}

} // namespace

std::optional<std::string> alarm_body(std::string_view payload) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    if (parser.parse(payload.data(), payload.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
    std::array<std::string_view, 4> found;
    constexpr std::array<const char*, 4> names{"type", "severity", "text", "time"};
    for (std::size_t i = 0; i < names.size(); ++i)
        if (root[names[i]].get(found[i]) != simdjson::SUCCESS || found[i].empty()) return std::nullopt;
    if (!is_severity(found[1])) return std::nullopt;
    core::json_writer out;
    out.object();
    for (std::size_t i = 0; i < names.size(); ++i) out.member(names[i], found[i]);
    return std::move(out.member("status", "ACTIVE").end()).text();
}

service_alarms::service_alarms(asio::any_io_executor executor, std::string tenant, link_router& link,
                               platform::rest& via, identity_resolver& who, tenant_meters& count,
                               platform::retry_delays delays)
    : tenant_(std::move(tenant)), link_(link), via_(via), who_(who), count_(count), delays_(delays),
      tasks_(std::move(executor), "alarms"), stream_(link.add(*this)) {}

service_alarms::~service_alarms() { link_.remove(stream_); }

void service_alarms::begin() {
    begun_ = true;
    subscribe();
}

asio::awaitable<void> service_alarms::stop() {
    begun_ = false;
    tasks_.stop();
    co_await tasks_.join();
    // What was not raised goes to a standby, or to our next life, without waiting for the lease.
    link_.client().send_stream_close(stream_, false);
}

// --- subscription

void service_alarms::subscribe() {
    if (!begun_ || !link_.up()) return;
    msg_link::subscribe frame;
    frame.stream = stream_;
    frame.type = msg_link::subscription_type::failover;
    frame.durability = msg_link::durability::durable;
    frame.start = msg_link::start_at::earliest; // those from before the first mapper are of interest, too
    frame.tenant = tenant_;
    frame.name_space = "mqtt";
    frame.name = subscription;
    link_.client().send_subscribe(frame);
}

void service_alarms::send_filter() {
    msg_link::filter frame;
    frame.stream = stream_;
    frame.request = link_.next_request();
    frame.qos = 2;
    frame.filter = record::alarm_topic;
    link_.client().send_filter_add(frame);
    give_credit();
}

void service_alarms::give_credit() {
    link_.client().send_credit(stream_, done_messages_ + credit_messages, done_bytes_ + credit_bytes);
}

void service_alarms::on_up(bool) {
    if (!begun_) return;
    if (subscribed_)
        send_filter(); // named when resuming; its answer may have been lost
    else
        subscribe();
}

void service_alarms::on_resume(msg_link::resume_list& into) {
    if (!subscribed_) return;
    std::vector<std::uint64_t> held;
    auto messages = done_messages_;
    auto bytes = done_bytes_;
    for (const auto& one : queue_) {
        if (one.position <= taken_position_) held.push_back(one.position);
        if (one.stream != stream_) continue;
        ++messages;
        bytes += one.bytes;
    }
    std::sort(held.begin(), held.end());
    into.stream(stream_, taken_position_, held, messages, bytes);
}

void service_alarms::on_subscribed(const msg_link::stream_answer& answer) {
    if (answer.why != msg_link::reason::ok) {
        core::log::error("no alarms of the MQTT service: subscription refused",
                         {{"tenant", tenant_}, {"why", answer.message}});
        return;
    }
    subscribed_ = true;
    send_filter();
}

void service_alarms::on_filter_done(const msg_link::stream_answer& answer) {
    if (answer.why != msg_link::reason::ok)
        core::log::error("no alarms of the MQTT service: filter refused",
                         {{"tenant", tenant_}, {"why", answer.message}});
}

/// The durable subscription is still there: what was not acknowledged comes again and is known by its position.
void service_alarms::on_stream_ended(const msg_link::stream_answer&) {
    subscribed_ = false;
    stream_ = link_.renumber(stream_);
    taken_position_ = done_messages_ = done_bytes_ = 0;
    subscribe();
}

// --- alarms

void service_alarms::on_deliver(const msg_link::deliver& frame, const msg_link::topic_name&) {
    taken_position_ = std::max(taken_position_, frame.position);
    const auto known =
        std::find_if(queue_.begin(), queue_.end(), [&](const alarm& one) { return one.position == frame.position; });
    if (known != queue_.end()) {
        known->stream = stream_;
        return;
    }
    const auto message = record::parse(frame.record);
    auto body = message ? alarm_body(message->payload) : std::nullopt;
    if (!body) {
        count_.alarms_refused.add();
        core::log::warn("not an alarm", {{"tenant", tenant_}, {"position", frame.position}});
        return done(frame.position, stream_, frame.record.size());
    }
    queue_.push_back({frame.position, stream_, frame.record.size(), std::move(*body)});
    next();
}

void service_alarms::next() {
    if (busy_ || queue_.empty() || !begun_) return;
    busy_ = true;
    who_.resolve(source_object(), [this](const resolution& what) { on_source(what); });
}

void service_alarms::on_source(const resolution& what) {
    if (!begun_) return;
    if (what.what == resolution::outcome::known) {
        tasks_.spawn("raise", raise(what.id));
        return;
    }
    platform::reply refused;
    refused.problem = what.problem;
    queue_.front().tried = true;
    decide(refused);
}

asio::awaitable<void> service_alarms::raise(std::string source_id) {
    auto call = api::create_alarm(queue_.front().body, source_id);
    const auto got = co_await platform::send_until_decided(via_, std::move(call), nullptr, delays_);
    if (tasks_.stopping()) co_return;
    decide(got);
}

void service_alarms::decide(const platform::reply& got) {
    auto& one = queue_.front();
    busy_ = false;
    if (!got.ok() && !one.tried) { // the object may have been deleted meanwhile
        one.tried = true;
        who_.forget(identity_resolver::key_of("c8y_Serial", source));
        return next();
    }
    if (got.ok())
        count_.alarms_raised.add();
    else {
        count_.alarms_refused.add();
        core::log::error("an alarm of the MQTT service was refused by the platform",
                         {{"tenant", tenant_}, {"alarm", one.body}, {"why", got.problem.text()}});
    }
    const auto ended = std::move(one);
    queue_.pop_front();
    done(ended.position, ended.stream, ended.bytes);
    next();
}

void service_alarms::done(std::uint64_t position, std::uint32_t stream, std::uint64_t bytes) {
    if (stream != stream_) return; // it comes again on the new stream
    ++done_messages_;
    done_bytes_ += bytes;
    const std::uint64_t range[] = {position, position};
    link_.client().send_acknowledge(stream_, range); // dropped while the link is down: resuming says the same
    give_credit();
}

} // namespace mapper::uplink
