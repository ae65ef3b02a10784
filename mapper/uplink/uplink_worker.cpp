#include "mapper/uplink/uplink_worker.hpp"

#include "common/core/log.hpp"
#include "common/record/device_topics.hpp"

#include <algorithm>

namespace mapper::uplink {

namespace {

constexpr std::string_view filters_key = "uplink/filters";
constexpr std::size_t resumed_max = 65'535;

} // namespace

uplink_worker::uplink_worker(asio::any_io_executor executor, std::string tenant, link_router& link, platform::rest& via,
                             identity_resolver& who, const core::clock& time, tenant_meters& count,
                             worker_options options, delivery_options sending)
    : tenant_(tenant), link_(link), count_(count), options_(options),
      delivery_(executor, via, who, time, count, *this, sending),
      dead_letters_(
          tenant,
          [this](const std::string& topic, const record::fields& message, link_router::settled_handler then) {
              link_.publish(tenant_, topic, message, std::move(then));
          },
          time, count),
      turn_(executor, [this] { flush(); }), stream_(link.add(*this)) {}

uplink_worker::~uplink_worker() { link_.remove(stream_); }

asio::awaitable<void> uplink_worker::stop() {
    co_await delivery_.stop();
    flush();
    // A standby, or our next life, need not wait for the lease to end.
    if (begun_) link_.client().send_stream_close(stream_, false);
    stopped_ = true;
}

std::string uplink_worker::trouble() const {
    if (!refusal_.empty()) return "subscription refused: " + refusal_;
    if (begun_ && !subscribed_) return "not subscribed yet";
    return {};
}

// --- subscription and its filters

void uplink_worker::use(std::shared_ptr<const mapping::mapping_set> mappings) {
    mappings_ = std::move(mappings);
    wanted_.clear();
    for (auto& filter : mappings_->index().filters()) wanted_.insert(filter);
    // Where devices are kept apart everything comes here, its MQTT topic in the record (ref A.11).
    if (!wanted_.empty()) wanted_.insert(std::string(record::from_device));
    if (subscribed_ && filters_known_) send_filters();
}

void uplink_worker::begin() {
    if (begun_) return;
    begun_ = true;
    link_.get_state(tenant_, std::string(filters_key), false, [this](msg_link::reason, std::vector<state_item> items) {
        for (const auto& item : items)
            for (std::size_t at = 0; at < item.value.size();) {
                const auto end = std::min(item.value.find('\n', at), item.value.size());
                subscribed_filters_.insert(item.value.substr(at, end - at));
                at = end + 1;
            }
        filters_known_ = true;
        if (subscribed_) send_filters();
    });
    subscribe();
}

void uplink_worker::subscribe() {
    if (!link_.up()) return;
    msg_link::subscribe frame;
    frame.stream = stream_;
    frame.type = msg_link::subscription_type::failover;
    frame.durability = msg_link::durability::durable;
    frame.tenant = tenant_;
    frame.name_space = "mqtt";
    frame.name = subscription;
    link_.client().send_subscribe(frame);
    granted_messages_ = granted_bytes_ = 0; // credit that came before its stream was not heard
    give_credit();
}

/// Brings the subscription's filters to what the mappings want. Repeating it does no harm.
void uplink_worker::send_filters() {
    if (!link_.up()) return;
    asked_.clear();
    msg_link::filter frame;
    frame.stream = stream_;
    frame.qos = 2;
    for (const auto& filter : wanted_) {
        frame.request = link_.next_request();
        frame.filter = filter;
        asked_[frame.request] = filter;
        link_.client().send_filter_add(frame);
    }
    for (const auto& filter : subscribed_filters_) {
        if (wanted_.contains(filter)) continue;
        frame.request = link_.next_request();
        frame.filter = filter;
        link_.client().send_filter_remove(frame);
    }
    subscribed_filters_ = wanted_;
    remember_filters();
}

void uplink_worker::remember_filters() {
    std::string value;
    for (const auto& filter : wanted_) value.append(filter).push_back('\n');
    link_.put_state(tenant_, std::string(filters_key), std::move(value), [this](msg_link::reason why) {
        if (why != msg_link::reason::ok)
            core::log::error("the list of filters was not kept", {{"tenant", tenant_}, {"why", msg_link::text(why)}});
    });
}

void uplink_worker::on_up(bool) {
    if (!begun_ || stopped_) return;
    granted_messages_ = granted_bytes_ = 0; // say it again
    if (!subscribed_) {
        subscribe();
        return;
    }
    // Named when resuming: it goes on, or on_stream_ended follows.
    if (filters_known_) send_filters();
    give_credit();
}

void uplink_worker::on_resume(msg_link::resume_list& into) {
    if (!subscribed_) return;
    std::vector<std::uint64_t> held;
    held.reserve(outstanding_.size());
    auto messages = done_messages_;
    auto bytes = done_bytes_;
    for (const auto& [position, one] : outstanding_) {
        if (position <= taken_position_) held.push_back(position);
        if (one->stream != stream_) continue; // it counts for an earlier stream's credit
        ++messages;
        bytes += one->record.size();
    }
    auto taken = taken_position_;
    if (held.size() > resumed_max) { // more than the frame can say: the rest comes again, and is known here
        taken = held[resumed_max] - 1;
        held.resize(resumed_max);
    }
    into.stream(stream_, taken, held, messages, bytes);
}

void uplink_worker::on_subscribed(const msg_link::stream_answer& answer) {
    if (answer.why != msg_link::reason::ok) {
        refusal_ = answer.message;
        core::log::error("subscription refused", {{"tenant", tenant_}, {"why", answer.message}});
        return;
    }
    refusal_.clear();
    subscribed_ = true;
    if (filters_known_) send_filters();
}

void uplink_worker::on_filter_done(const msg_link::stream_answer& answer) {
    const auto asked = asked_.find(answer.request);
    if (asked == asked_.end()) return;
    if (answer.why != msg_link::reason::ok) {
        refusal_ = asked->second + ": " + std::string(answer.message);
        core::log::error("filter refused", {{"tenant", tenant_}, {"filter", asked->second}, {"why", answer.message}});
    }
    asked_.erase(asked);
}

/// The stream is gone, the durable subscription is not: what was not acknowledged comes again, and what is still being
/// worked on is recognised by its position.
void uplink_worker::on_stream_ended(const msg_link::stream_answer& answer) {
    core::log::warn("stream ended; subscribing again", {{"tenant", tenant_}, {"why", answer.message}});
    subscribed_ = false;
    stream_ = link_.renumber(stream_);
    done_messages_ = done_bytes_ = granted_messages_ = granted_bytes_ = 0;
    taken_position_ = 0;
    asked_.clear();
    subscribe();
}

// --- messages

void uplink_worker::on_deliver(const msg_link::deliver& frame, const msg_link::topic_name& from) {
    taken_position_ = std::max(taken_position_, frame.position);
    count_.messages.add();
    if (outstanding_.contains(frame.position) || stopped_) {
        ++done_messages_;
        done_bytes_ += frame.record.size();
        return;
    }
    const auto parsed = record::parse(frame.record);
    auto made = std::make_unique<message>();
    auto& one = *made;
    one.position = frame.position;
    one.stream = stream_;
    one.open = 1; // until it is mapped
    one.record = core::as_text(frame.record);
    one.topic = from.name;
    one.mappings = mappings_;
    outstanding_.emplace(one.position, std::move(made));
    if (parsed) map(one, *parsed, parsed->topic.value_or(from.name));
    part_done(frame.position);
}

void uplink_worker::map(message& into, const record::fields& from, std::string_view topic) {
    const transform::inbound_message inbound{topic, from.payload, from.client_id, from.user, from.arrival_ms};
    matches_.clear();
    mappings_->index().find(topic, matches_);
    transform_.open(inbound);
    bool made = false;
    for (const auto& match : matches_) {
        if (match.as == mapping::mapping_index::purpose::uplink) {
            apply(into, *match.of, made);
            continue;
        }
        if (responses_ == nullptr) continue;
        ++into.open;
        const auto finished = [this, position = into.position] { part_done(position); };
        if (responses_->on_response(*match.of, inbound, finished))
            made = true;
        else
            --into.open;
    }
    (made ? count_.mapped : count_.unmatched).add();
}

void uplink_worker::apply(message& into, const mapping::mapping& with, bool& made) {
    const auto status = transform_.apply(with, result_);
    if (status == transform::uplink_status::skipped) return;
    made = true;
    if (status == transform::uplink_status::failed) {
        count_.mapping_failed.add();
        ++into.open;
        bury(into, with.name, "mapping", result_.error.text(), {}, 0);
        return;
    }
    for (std::size_t i = 0; i < result_.output_count; ++i) {
        auto& output = result_.outputs[i];
        part what;
        what.kind = output.kind;
        what.body = std::move(output.body);
        what.alarm_type = output.alarm_type;
        what.of = &into;
        what.by = &with;
        ++into.open;
        delivery_.add(result_.devices[output.device], std::move(what));
    }
}

void uplink_worker::bury(message& of, std::string_view mapping, std::string_view reason, std::string_view why,
                         std::string_view request, unsigned status) {
    const dead_letter letter{of.topic, of.record, mapping, reason, why, request, status};
    dead_letters_.add(letter, [this, position = of.position] { part_done(position); });
}

void uplink_worker::on_accepted(message& of) { part_done(of.position); }

void uplink_worker::on_refused(const part& what, const platform::platform_error& why, bool unknown_device) {
    (unknown_device ? count_.unknown_device : count_.platform_refused).add();
    bury(*what.of, what.by->name, unknown_device ? "unknown_device" : "platform",
         unknown_device ? "the platform does not know the device, and the mapping may not create it" : why.text(),
         what.body, why.status);
}

/// By position, because the message may be gone for good when the link lost everything.
void uplink_worker::part_done(std::uint64_t position) {
    const auto found = outstanding_.find(position);
    if (found == outstanding_.end() || --found->second->open > 0) return;
    done(position);
}

void uplink_worker::done(std::uint64_t position) {
    const auto found = outstanding_.find(position);
    if (found->second->stream == stream_) {
        ++done_messages_;
        done_bytes_ += found->second->record.size();
    }
    outstanding_.erase(found);
    acknowledged_.push_back(position);
    turn_.kick();
}

void uplink_worker::on_batch_done() {
    delivery_.pump();
    turn_.kick();
}

// --- credit and acknowledgement, once a turn

void uplink_worker::give_credit() {
    const auto messages = done_messages_ + options_.credit_messages;
    const auto bytes = done_bytes_ + options_.credit_bytes;
    const bool worth = messages - granted_messages_ >= options_.credit_messages / 8 ||
                       bytes - granted_bytes_ >= options_.credit_bytes / 8;
    if (!worth || !begun_ || !link_.up()) return;
    granted_messages_ = messages;
    granted_bytes_ = bytes;
    link_.client().send_credit(stream_, messages, bytes);
}

void uplink_worker::flush() {
    if (stopped_) return;
    count_.outstanding.set(static_cast<std::int64_t>(outstanding_.size()));
    if (!acknowledged_.empty()) {
        std::sort(acknowledged_.begin(), acknowledged_.end());
        std::vector<std::uint64_t> ranges;
        for (const auto position : acknowledged_) {
            if (!ranges.empty() && ranges.back() + 1 == position)
                ranges.back() = position;
            else
                ranges.insert(ranges.end(), {position, position});
        }
        acknowledged_.clear();
        // Dropped while the link is down: resuming says the same.
        link_.client().send_acknowledge(stream_, ranges);
    }
    give_credit();
}

} // namespace mapper::uplink
