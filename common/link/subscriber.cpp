#include "common/link/subscriber.hpp"

#include "common/core/log.hpp"
#include "common/core/percent.hpp"
#include "common/link/messaging_client.hpp"
#include "common/record/device_topics.hpp"
#include "common/record/filter.hpp"

#include <algorithm>

namespace msg_link {

namespace {

/// As the WebSocket API names them (messaging/endpoint/api_context): the same subscriber of the same topic is the same
/// subscription, whichever way it comes.
std::string name_of(const subscribe_options& options) {
    if (options.name.empty() || record::has_wildcard(options.topic)) return options.name;
    return core::percent_encode(options.name) + "@" + core::percent_encode(options.topic);
}

std::string filter_of(const std::string& topic) {
    if (topic == record::from_device) return "#";
    return topic == record::error_topic ? std::string(record::error_prefix) + "#" : topic;
}

} // namespace

subscriber::subscriber(messaging_client& by, asio::any_io_executor executor, subscribe_options options,
                       std::uint32_t stream)
    : by_(&by), options_(std::move(options)), subscription_name_(name_of(options_)), filter_(filter_of(options_.topic)),
      stream_(stream), answered_(executor), arrived_(executor) {
    options_.window_messages = std::clamp<std::uint32_t>(options_.window_messages, 1, window_max);
    options_.window_bytes = std::max<std::uint64_t>(options_.window_bytes, 1);
}

asio::awaitable<reason> subscriber::ready() {
    const auto self = shared_from_this();
    while (!ended_ && !(subscribed_ && filtered_)) co_await answered_.wait();
    co_return ended_ ? why_ : reason::ok;
}

asio::awaitable<std::optional<incoming_message>> subscriber::next() {
    const auto self = shared_from_this();
    while (waiting_.empty() && !ended_) co_await arrived_.wait(); // the event may be of a message taken before
    if (waiting_.empty()) co_return std::nullopt;
    auto one = std::move(waiting_.front());
    waiting_.pop_front();
    co_return one;
}

void subscriber::acknowledge(const incoming_message& one) {
    if (!take_back(one)) return;
    outstanding_.erase(one.position_);
    acknowledged_.push_back(one.position_);
    by_->flush_later();
}

void subscriber::reject(const incoming_message& one, std::chrono::milliseconds delay) {
    if (!take_back(one)) return;
    const auto delay_ms = static_cast<std::uint32_t>(std::clamp<std::int64_t>(delay.count(), 0, 3'600'000));
    rejected_[one.position_] = delay_ms;
    tell_rejected(one.position_, delay_ms);
    by_->flush_later();
}

void subscriber::tell_rejected(std::uint64_t position, std::uint32_t delay_ms) {
    const std::uint64_t range[] = {position, position};
    by_->link_.send_negative_acknowledge(stream_, delay_ms, range);
}

/// Whether it is still ours to answer; then its place in the window is free again.
bool subscriber::take_back(const incoming_message& one) {
    if (ended_ || one.stream_ != stream_ || rejected_.contains(one.position_)) return false;
    const auto found = outstanding_.find(one.position_);
    if (found == outstanding_.end()) return false;
    ++done_messages_;
    done_bytes_ += found->second;
    return true;
}

void subscriber::close(bool remove) { leave(remove, reason::ok); }

void subscriber::leave(bool remove, reason why) {
    if (ended_) return;
    flush();
    by_->link_.send_stream_close(stream_, remove);
    end(why);
}

void subscriber::end(reason why) {
    if (ended_) return;
    ended_ = true;
    why_ = why;
    auto* by = std::exchange(by_, nullptr);
    answered_.notify();
    arrived_.notify();
    by->forget(stream_);
}

void subscriber::ask() {
    subscribe frame;
    frame.stream = stream_;
    frame.type = options_.type;
    frame.durability = subscription_name_.empty() ? durability::leased : durability::durable;
    frame.start = options_.start;
    frame.tenant = by_->tenant_;
    frame.name_space = "mqtt";
    frame.name = subscription_name_;
    by_->link_.send_subscribe(frame);
    filter one;
    one.stream = stream_;
    one.request = by_->next_request();
    one.qos = 2; // acknowledged, whatever the message's
    one.filter = filter_;
    by_->link_.send_filter_add(one);
    granted_messages_ = granted_bytes_ = 0;
    give_credit();
}

void subscriber::on_up() {
    if (!subscribed_ || !filtered_) return ask();
    for (const auto& [position, delay_ms] : rejected_) tell_rejected(position, delay_ms);
    granted_messages_ = granted_bytes_ = 0; // say it again
    flush();
}

void subscriber::on_resume(resume_list& into) {
    if (!subscribed_ || !filtered_) return;
    std::vector<std::uint64_t> held;
    held.reserve(outstanding_.size());
    for (const auto& [position, bytes] : outstanding_) held.push_back(position);
    acknowledged_.clear(); // not listed says the same
    into.stream(stream_, taken_position_, held, taken_messages_, taken_bytes_);
}

void subscriber::on_subscribed(const stream_answer& answer) {
    if (answer.why != reason::ok) return end(answer.why);
    subscribed_ = true;
    if (filtered_) answered_.notify();
}

void subscriber::on_filter_done(const stream_answer& answer) {
    if (answer.why != reason::ok) {
        by_->link_.send_stream_close(stream_, false);
        return end(answer.why);
    }
    filtered_ = true;
    if (subscribed_) answered_.notify();
}

/// A stream that could not be resumed is begun anew: what was not acknowledged comes again. Any other end is final.
void subscriber::on_stream_ended(const stream_answer& answer) {
    if (answer.why != reason::lost) return end(answer.why);
    core::log::warn("stream lost; subscribing again", {{"topic", options_.topic}, {"subscriber", options_.name}});
    const auto before = stream_;
    stream_ = by_->next_stream();
    by_->renumber(before, stream_);
    subscribed_ = filtered_ = false;
    waiting_.clear();
    outstanding_.clear();
    acknowledged_.clear();
    rejected_.clear();
    taken_position_ = taken_messages_ = taken_bytes_ = done_messages_ = done_bytes_ = 0;
    ask();
}

void subscriber::on_deliver(const deliver& frame, const topic_name& from) {
    ++taken_messages_;
    taken_bytes_ += frame.record.size();
    taken_position_ = std::max(taken_position_, frame.position);
    const bool again = rejected_.erase(frame.position) > 0;
    const bool known = !outstanding_.emplace(frame.position, frame.record.size()).second;
    incoming_message one;
    one.bytes_ = std::make_shared<const std::string>(core::as_text(frame.record));
    const auto parsed = record::parse(core::as_bytes(*one.bytes_));
    if ((known && !again) || !parsed) { // ours already, or of a version we do not know: nothing to show
        ++done_messages_;
        done_bytes_ += frame.record.size();
        if (!parsed && !known) {
            core::log::error("a record of unknown form was acknowledged unread", {{"topic", from.name}});
            outstanding_.erase(frame.position);
            acknowledged_.push_back(frame.position);
        }
        return by_->flush_later();
    }
    one.fields_ = *parsed;
    one.topic_ = parsed->topic.value_or(record::mqtt_topic_of(from.name));
    one.position_ = frame.position;
    one.stream_ = stream_;
    one.delivery_count_ = frame.delivery_count;
    waiting_.push_back(std::move(one));
    arrived_.notify();
}

void subscriber::give_credit() {
    const auto messages = done_messages_ + options_.window_messages;
    const auto bytes = done_bytes_ + options_.window_bytes;
    const bool enough = messages >= granted_messages_ + std::max<std::uint64_t>(options_.window_messages / 4, 1) ||
                        bytes >= granted_bytes_ + std::max<std::uint64_t>(options_.window_bytes / 4, 1) ||
                        (outstanding_.empty() && messages > granted_messages_);
    if (!enough) return;
    granted_messages_ = messages;
    granted_bytes_ = bytes;
    by_->link_.send_credit(stream_, messages, bytes);
}

void subscriber::flush() {
    if (ended_ || !by_->link_.up()) return;
    if (!acknowledged_.empty()) {
        std::sort(acknowledged_.begin(), acknowledged_.end());
        std::vector<std::uint64_t> ranges;
        ranges.reserve(acknowledged_.size() * 2);
        for (const auto position : acknowledged_) {
            ranges.push_back(position);
            ranges.push_back(position);
        }
        by_->link_.send_acknowledge(stream_, ranges);
        acknowledged_.clear();
    }
    give_credit();
}

} // namespace msg_link
