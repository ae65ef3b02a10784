#include "common/link/messaging_client.hpp"

#include "common/core/clock.hpp"
#include "common/record/filter.hpp"
#include "common/record/properties.hpp"

#include <algorithm>

namespace msg_link {

namespace {

constexpr std::size_t text_bytes_max = 65'534; // MQTT's two-byte length; 0xFFFF is a mark in records
constexpr std::chrono::hours topic_idle{1};
constexpr std::uint64_t publishes_between_sweeps = 1'024;

bool is_text(std::string_view text) noexcept {
    return text.size() <= text_bytes_max && text.find('\0') == std::string_view::npos;
}

bool is_sendable(const std::string& topic, const outgoing_message& message) noexcept {
    if (topic.empty() || record::has_wildcard(topic) || !is_text(topic)) return false;
    if (!is_text(message.key) || !is_text(message.client_id) || !is_text(message.topic)) return false;
    if (record::has_wildcard(message.topic) || !is_text(message.content_type)) return false;
    return std::all_of(message.user_properties.begin(), message.user_properties.end(),
                       [](const auto& one) { return is_text(one.first) && is_text(one.second); });
}

std::string properties_of(const outgoing_message& message) {
    std::string wire;
    if (!message.content_type.empty())
        record::append_property(wire, record::property::content_type, message.content_type);
    for (const auto& [name, value] : message.user_properties) record::append_user_property(wire, name, value);
    return wire;
}

record::fields fields_of(const std::string& topic, const outgoing_message& message, const std::string& properties) {
    record::fields made;
    made.qos = 1;
    made.authenticated_by = record::authentication::application;
    made.arrival_ms = core::system_clock{}.wall_ms();
    made.client_id = message.client_id;
    made.key = message.key;
    made.key_is_client_id = message.key.empty() && !message.client_id.empty();
    if (!message.topic.empty() && message.topic != topic) made.topic = message.topic;
    if (message.key.empty() && message.client_id.empty() && made.topic) made.key = *made.topic; // for all: ref A.11
    made.properties = properties;
    made.payload = message.payload;
    return made;
}

} // namespace

messaging_client::messaging_client(asio::any_io_executor executor, link_options options, std::string tenant)
    : executor_(executor), tenant_(std::move(tenant)), turn_(executor, [this] { flush(); }),
      link_(executor, std::move(options), *this) {}

messaging_client::~messaging_client() = default;

void messaging_client::start() { link_.start(); }

asio::awaitable<void> messaging_client::stop(std::chrono::milliseconds patience) {
    if (stopped_) co_return;
    stopped_ = true;
    const auto all = subscribers_;
    for (const auto& [stream, one] : all) one->leave(false, reason::shutting_down); // a successor need not wait
    co_await link_.stop(patience);
    for (const auto& one : waiting_for_room_) one->there.notify();
    for (const auto& [sequence, one] : unsettled_) {
        one->settled = true; // as `shutting_down`
        one->there.notify();
    }
    unsettled_.clear();
}

asio::awaitable<reason> messaging_client::publish(std::string topic, outgoing_message message) {
    if (!is_sendable(topic, message)) co_return reason::bad_request;
    // Over the batch limit messaging would close the link, again and again.
    const auto properties = properties_of(message);
    if (record::encoded_size(fields_of(topic, message, properties)) > link_.terms().record_bytes_max)
        co_return reason::too_large;
    if (stopped_) co_return reason::shutting_down;
    const auto waiting = std::make_shared<waiting_publish>(executor_);
    {
        const place_in_queue place(*this, waiting); // kept until it has sent: nobody may overtake it
        while (!stopped_ && (waiting_for_room_.front() != waiting || !link_.may_send())) co_await waiting->there.wait();
        if (stopped_) co_return reason::shutting_down;
        unsettled_.emplace(send(topic, message, properties), waiting);
    }
    while (!waiting->settled) co_await waiting->there.wait(); // the event may be of the time in the queue
    co_return waiting->outcome;
}

std::uint64_t messaging_client::send(const std::string& topic, const outgoing_message& message,
                                     const std::string& properties) {
    if (++published_ % publishes_between_sweeps == 0) link_.close_idle_topics(topic_idle);
    const auto number = link_.topic_number(tenant_, "mqtt", topic);
    return link_.send_publish(number, 0, fields_of(topic, message, properties));
}

void messaging_client::wake_front() {
    if (!waiting_for_room_.empty() && link_.may_send()) waiting_for_room_.front()->there.notify();
}

void messaging_client::on_settled(std::uint64_t up_to, const std::vector<run>& runs) {
    auto at = runs.begin();
    while (!unsettled_.empty() && unsettled_.begin()->first <= up_to) {
        const auto [sequence, one] = *unsettled_.begin();
        unsettled_.erase(unsettled_.begin());
        while (at != runs.end() && at->first + at->length <= sequence) ++at;
        one->outcome = at != runs.end() && at->first <= sequence ? at->why : reason::ok;
        one->settled = true;
        one->there.notify();
    }
    wake_front();
}

std::shared_ptr<subscriber> messaging_client::subscribe(subscribe_options options) {
    const auto stream = next_stream();
    auto made = std::make_shared<subscriber>(*this, executor_, std::move(options), stream);
    if (stopped_) {
        made->end(reason::shutting_down);
        return made;
    }
    subscribers_.emplace(stream, made);
    if (link_.up()) made->ask();
    return made;
}

std::shared_ptr<subscriber> messaging_client::find(std::uint32_t stream) {
    const auto found = subscribers_.find(stream);
    return found == subscribers_.end() ? nullptr : found->second;
}

void messaging_client::renumber(std::uint32_t from, std::uint32_t to) {
    auto entry = subscribers_.extract(from);
    if (entry.empty()) return;
    entry.key() = to;
    subscribers_.insert(std::move(entry));
}

void messaging_client::flush() {
    if (!link_.up()) return;
    for (const auto& [stream, one] : subscribers_) one->flush();
}

void messaging_client::on_up(bool) {
    const auto all = subscribers_;
    for (const auto& [stream, one] : all) one->on_up();
    wake_front();
}

void messaging_client::on_down() {}

void messaging_client::on_resume(resume_list& into) {
    for (const auto& [stream, one] : subscribers_) one->on_resume(into);
}

void messaging_client::on_subscribed(const stream_answer& answer) {
    if (const auto one = find(answer.stream)) one->on_subscribed(answer);
}

void messaging_client::on_filter_done(const stream_answer& answer) {
    if (const auto one = find(answer.stream)) one->on_filter_done(answer);
}

void messaging_client::on_stream_ended(const stream_answer& answer) {
    if (const auto one = find(answer.stream)) one->on_stream_ended(answer);
}

void messaging_client::on_deliver(const deliver& frame, const topic_name& from) {
    for (std::size_t i = 0; i < frame.streams.size(); ++i)
        if (const auto one = find(frame.streams[i] & ~must_acknowledge)) one->on_deliver(frame, from);
}

} // namespace msg_link
