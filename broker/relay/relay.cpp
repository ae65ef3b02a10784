#include "broker/relay/relay.hpp"

#include "broker/relay/routing.hpp"
#include "common/core/log.hpp"
#include "common/record/filter.hpp"

#include <algorithm>

namespace broker::relay {

namespace {
/// Topics with a number on the link; messaging allows a million on one. From three quarters on those that are idle are
/// closed early.
constexpr std::size_t open_topics_max = 400'000;
constexpr std::chrono::seconds early_sweep_every{10};
constexpr std::chrono::seconds early_sweep_idle{60};
} // namespace

relay::relay(asio::any_io_executor executor, msg_link::link_options options, const core::clock& time)
    : clock_(time), link_(executor, std::move(options), *this), flush_turn_(executor, [this] { flush(); }),
      down_since_(time.now()) {}
relay::~relay() = default;

std::chrono::milliseconds relay::down_for() const noexcept {
    if (link_.up()) return std::chrono::milliseconds(0);
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - down_since_);
}

member* relay::join(delivery_sink& sink) {
    auto made = std::make_unique<member>();
    made->sink_ = &sink;
    auto* by = made.get();
    members_.emplace(by, std::move(made));
    return by;
}

void relay::leave(member* by, bool publish_will) {
    if (by->claim_ != 0) {
        claims_.erase(by->claim_);
        if (!by->evicted_) link_.send_release(by->claim_, publish_will);
    } else if (by->claim_sequence_ != 0) {
        claims_asked_[by->claim_sequence_] = nullptr; // released as soon as it is answered
    }
    if (by->stream_number_ != 0) streams_.erase(by->stream_number_); // ends with the claim
    if (by->unsettled_ > 0 || by->unsettled_qos0_ > 0)
        for (auto& one : unsettled_)
            if (one.by == by) one.by = nullptr;
    std::erase(touched_, by);
    std::replace(progressed_.begin(), progressed_.end(), by, static_cast<member*>(nullptr));
    std::erase(blocked_, by);
    if (by->paced_) std::erase(paced_, by);
    members_.erase(by);
}

void relay::claim(member& by, const claim_details& details) {
    by.tenant_ = details.tenant;
    by.client_id_ = details.client_id;
    by.user_ = details.user;
    by.method_ = details.method;
    by.isolation_ = details.isolation;
    msg_link::claim request;
    request.tenant = by.tenant_;
    request.client_id = by.client_id_;
    request.fail_after_refusal = details.fail_after_refusal;
    if (details.will != nullptr) {
        record::fields fields;
        fields.qos = details.will->qos;
        fields.will = true;
        fields.authenticated_by = by.method_;
        fields.arrival_ms = clock_.wall_ms();
        fields.key_is_client_id = true;
        fields.client_id = by.client_id_;
        fields.user = by.user_;
        const auto route = route_publish(by.isolation_, details.will->topic);
        fields.topic = route.record_topic;
        fields.properties = details.will->properties;
        fields.payload = details.will->payload;
        scratch_record_.clear();
        record::append(scratch_record_, fields);
        request.has_will = true;
        request.will_name_space = name_space;
        request.will_name = route.store_topic;
        request.will_record = core::as_bytes(scratch_record_);
    }
    by.claim_sequence_ = link_.send_claim(request);
    claims_asked_.emplace(by.claim_sequence_, &by);
}

void relay::set_window(member& by, std::uint16_t messages, std::uint64_t bytes, delivery_pace* pace) {
    by.stream_.limit(messages, bytes);
    by.pace_ = pace;
}

bool relay::may_publish(const member& by) const noexcept {
    const in_flight own{std::uint64_t{by.unsettled_} + by.unsettled_qos0_, by.unsettled_bytes_};
    const in_flight all{link_.unsettled_frames(), link_.unsettled_bytes()};
    if (admits(own, all, queue_.now(), link_.up()) && link_.may_send()) return true;
    if (!by.blocked_) {
        by.blocked_ = true;
        blocked_.push_back(const_cast<member*>(&by));
    }
    return false;
}

bool relay::publish(member& by, const session::publish_request& request, std::uint16_t packet_identifier) {
    if (request.qos == 0 && !link_.up()) {
        ++counters_.published_qos0_dropped;
        return false;
    }
    const auto route = route_publish(by.isolation_, request.topic);
    const auto topic = route.store_topic;
    if (by.last_topic_number_ == 0 || by.last_topic_generation_ != link_.topic_generation() ||
        by.last_topic_ != topic) {
        by.last_topic_ = topic;
        by.last_topic_generation_ = link_.topic_generation();
        by.last_topic_number_ = link_.topic_number(by.tenant_, name_space, topic);
    }
    record::fields fields;
    fields.qos = request.qos;
    fields.dup = request.dup;
    fields.authenticated_by = by.method_;
    fields.arrival_ms = clock_.wall_ms();
    fields.packet_identifier = packet_identifier;
    fields.key_is_client_id = true;
    fields.client_id = by.client_id_;
    fields.user = by.user_;
    fields.topic = route.record_topic;
    fields.properties = request.properties;
    fields.payload = request.payload;
    const auto sequence = link_.send_publish(by.last_topic_number_, by.claim_, fields);
    ++counters_.published;
    const auto bytes = static_cast<std::uint32_t>(request.payload.size() + request.topic.size() + 64);
    unsettled_.push_back(
        {sequence, &by, bytes, by.last_topic_number_, request.qos > 0 ? packet_identifier : std::uint16_t{0}});
    by.unsettled_bytes_ += bytes;
    ++(request.qos > 0 ? by.unsettled_ : by.unsettled_qos0_);
    if (measured_ == 0) {
        measured_ = sequence;
        measured_since_ = clock_.now();
    }
    return true;
}

bool relay::begins_topic(const member& by, std::string_view topic) const {
    const auto store_topic = route_publish(by.isolation_, topic).store_topic;
    const bool last = by.last_topic_number_ != 0 && by.last_topic_generation_ == link_.topic_generation() &&
                      by.last_topic_ == store_topic;
    return !last && !link_.has_topic(by.tenant_, name_space, store_topic);
}

bool relay::has_room_for_topics() const noexcept { return link_.open_topics() < open_topics_max; }

bool relay::publish_own(std::string_view tenant, std::string_view store_topic, const record::fields& message) {
    if (!link_.may_send() || !has_room_for_topics()) return false;
    link_.send_publish(link_.topic_number(tenant, name_space, store_topic), 0, message);
    return true;
}

void relay::open_stream(member& by) {
    by.stream_number_ = next_stream_++;
    by.stream_confirmed_ = false;
    streams_.emplace(by.stream_number_, &by);
    send_open(by);
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    by.stream_.credit_now(messages, bytes);
    link_.send_credit(by.stream_number_, messages, bytes);
}

void relay::send_open(const member& by) {
    msg_link::subscribe frame;
    frame.stream = by.stream_number_;
    frame.claim = by.claim_;
    frame.type = msg_link::subscription_type::exclusive;
    frame.durability = msg_link::durability::leased;
    frame.tenant = by.tenant_;
    frame.name_space = name_space;
    link_.send_subscribe(frame);
}

void relay::add_filter(member& by, const session::subscribe_request& wanted, std::uint32_t request) {
    if (by.stream_number_ == 0) open_stream(by);
    by.asked_[request] = {std::string(wanted.filter), wanted.qos, true, filter_parts(by.isolation_, wanted.filter)};
    by.filters_.put(wanted.filter, wanted.qos, wanted.no_local);
    send_filter(by, request, wanted.filter, wanted.qos, true);
}

void relay::remove_filter(member& by, std::string_view filter, std::uint32_t request) {
    by.asked_[request] = {std::string(filter), 0, false, filter_parts(by.isolation_, filter)};
    by.filters_.remove(filter);
    if (by.stream_number_ == 0) open_stream(by);
    send_filter(by, request, filter, 0, false);
}

/// One MQTT filter may be several on the link; their request numbers are the session's, shifted.
void relay::send_filter(const member& by, std::uint32_t request, std::string_view filter, std::uint8_t qos, bool add) {
    for (std::uint8_t part = 0; part < filter_parts(by.isolation_, filter); ++part) {
        route_filter(by.isolation_, by.client_id_, filter, part, scratch_filter_);
        const msg_link::filter frame{by.stream_number_, request * 2 + part, qos, scratch_filter_};
        if (add)
            link_.send_filter_add(frame);
        else
            link_.send_filter_remove(frame);
    }
}

bool relay::has_filter(const member& by, std::string_view filter) const { return by.filters_.contains(filter); }

void relay::touch(member& by) {
    if (by.touched_) return;
    by.touched_ = true;
    touched_.push_back(&by);
    flush_turn_.kick();
}

void relay::acknowledge(member& by, std::uint64_t position, std::uint32_t credit_bytes) {
    const bool qos1 = by.stream_.acknowledge(position); // QoS 0 has nothing outstanding
    by.stream_.done(credit_bytes, qos1 && by.pace_ != nullptr);
    touch(by);
}

void relay::hold_credit(member& by, bool held) {
    by.credit_held_ = held;
    touch(by);
}

void relay::flush() {
    for (auto* by : touched_) {
        by->touched_ = false;
        if (!link_.up() || by->stream_number_ == 0) continue;
        scratch_positions_.clear();
        by->stream_.take_ranges(scratch_positions_);
        if (!scratch_positions_.empty()) link_.send_acknowledge(by->stream_number_, scratch_positions_);
        const bool paid = by->stream_.owed() > 0 && pay(*by);
        if (by->credit_held_) continue;
        std::uint64_t messages = 0;
        std::uint64_t bytes = 0;
        const bool due = by->stream_.credit_due(messages, bytes);
        if (paid && !due) by->stream_.credit_now(messages, bytes); // at the rate, not half a window at once
        if (paid || due) link_.send_credit(by->stream_number_, messages, bytes);
    }
    touched_.clear();
}

/// Credit follows what was acknowledged only as fast as the tenant's delivery rate allows. True when some was given;
/// one wait, however long, is told once.
bool relay::pay(member& by) {
    const auto given = by.pace_->take(clock_.now(), by.stream_.owed());
    by.stream_.pay(given);
    if (by.stream_.owed() == 0) {
        by.pace_told_ = false;
        return given > 0;
    }
    if (!by.paced_) {
        by.paced_ = true;
        paced_.push_back(&by);
    }
    if (!std::exchange(by.pace_told_, true)) by.sink_->on_paced();
    return given > 0;
}

void relay::tick() {
    const auto waiting = std::move(paced_);
    paced_.clear();
    for (auto* by : waiting) {
        by->paced_ = false;
        touch(*by);
    }
    const auto now = clock_.now();
    if (link_.open_topics() < open_topics_max / 4 * 3 || now - topics_swept_ < early_sweep_every) return;
    topics_swept_ = now;
    link_.close_idle_topics(early_sweep_idle);
}

// --- what the link tells

member* relay::of_stream(std::uint32_t number) const noexcept {
    const auto found = streams_.find(number);
    return found == streams_.end() ? nullptr : found->second;
}

void relay::on_resume(msg_link::resume_list& into) {
    for (const auto& [number, by] : streams_) {
        if (!by->stream_confirmed_) continue; // asked for while the link was down, or never answered: asked for again
        scratch_positions_.clear();
        by->stream_.take_ranges(scratch_positions_); // what is acknowledged is simply not listed
        scratch_positions_.clear();
        by->stream_.outstanding(scratch_positions_);
        into.stream(number, by->stream_.taken(), scratch_positions_, by->stream_.taken_messages(),
                    by->stream_.taken_bytes());
    }
    for (const auto& [number, by] : claims_) into.claim(number);
}

void relay::on_up(bool) {
    for (const auto& [number, by] : streams_) {
        if (!by->stream_confirmed_) send_open(*by);
        std::uint64_t messages = 0;
        std::uint64_t bytes = 0;
        by->stream_.credit_now(messages, bytes); // also when held: a restarted messaging remembers none
        link_.send_credit(number, messages, bytes);
        if (by->stream_.owed() > 0) touch(*by);
        send_pending(*by);
    }
    if (listener_) listener_(true);
    wake_blocked();
}

/// Requests whose answers were lost with the old connection; asking twice does no harm.
void relay::send_pending(member& by) {
    for (auto& [request, one] : by.asked_) {
        one.unanswered = filter_parts(by.isolation_, one.filter);
        send_filter(by, request, one.filter, one.qos, one.add);
    }
}

void relay::on_down() {
    down_since_ = clock_.now();
    measured_ = 0; // the outage is not the store's speed
    if (listener_) listener_(false);
}

void relay::on_settled(std::uint64_t up_to, const std::vector<msg_link::run>& runs) {
    if (measured_ != 0 && measured_ <= up_to) {
        const auto now = clock_.now();
        const auto took = now - measured_since_;
        queue_.observe(took, !blocked_.empty(), now);
        if (publish_seconds_ != nullptr) publish_seconds_->observe(std::chrono::duration<double>(took).count());
        measured_ = 0;
    }
    std::size_t at = 0;
    while (!unsettled_.empty() && unsettled_.front().sequence <= up_to) {
        const auto one = unsettled_.front();
        unsettled_.pop_front();
        while (at < runs.size() && runs[at].first + runs[at].length <= one.sequence) ++at;
        const bool named = at < runs.size() && runs[at].first <= one.sequence;
        settle(one, named ? runs[at].why : msg_link::reason::ok);
    }
}

void relay::settle(const settle_entry& one, msg_link::reason why) {
    const bool good = why == msg_link::reason::ok || why == msg_link::reason::no_subscribers;
    if (one.by != nullptr) one.by->unsettled_bytes_ -= one.bytes;
    if (one.packet_identifier == 0) {
        if (one.by == nullptr) return;
        --one.by->unsettled_qos0_;
        if (good && !one.by->blocked_) return; // nobody waits for it
    } else {
        if (why == msg_link::reason::no_subscribers) ++counters_.unmatched;
        if (!good) ++counters_.refused;
        if (one.by == nullptr) return;
        --one.by->unsettled_;
    }
    if (!one.by->progressed_) {
        one.by->progressed_ = true;
        progressed_.push_back(one.by);
    }
    one.by->sink_->on_settled(one.packet_identifier, why, good ? std::string_view{} : topic_of(one));
}

/// The MQTT topic of a publish; empty when the store's name does not tell.
std::string_view relay::topic_of(const settle_entry& one) const {
    const auto* name = one.by->isolation_ == auth::isolation::tenant ? link_.name_of(one.topic) : nullptr;
    return name == nullptr ? std::string_view{} : std::string_view(name->name);
}

void relay::on_claimed(const msg_link::claimed& answer) {
    const auto found = claims_asked_.find(answer.sequence);
    if (found == claims_asked_.end()) {
        if (answer.claim != 0 && !claims_.contains(answer.claim)) link_.send_release(answer.claim, false);
        return;
    }
    auto* by = found->second;
    claims_asked_.erase(found);
    if (by == nullptr) { // the client left before CONNACK: no will is due
        if (answer.claim != 0) link_.send_release(answer.claim, false);
        return;
    }
    by->claim_sequence_ = 0;
    by->claim_ = answer.claim;
    if (answer.claim != 0) claims_.emplace(answer.claim, by);
    by->sink_->on_claimed(answer.claim != 0 ? msg_link::reason::ok : answer.why);
}

void relay::on_evicted(std::uint64_t number, msg_link::reason why) {
    const auto found = claims_.find(number);
    if (found == claims_.end()) return;
    auto* by = found->second;
    ++counters_.evictions;
    by->evicted_ = true;
    by->sink_->on_evicted(why);
}

void relay::on_subscribed(const msg_link::stream_answer& answer) {
    auto* by = of_stream(answer.stream);
    if (by == nullptr) return;
    if (answer.why == msg_link::reason::ok) {
        by->stream_confirmed_ = true;
        return;
    }
    // Every filter asked for on it fails with the same reason.
    const auto asked = std::move(by->asked_);
    by->asked_.clear();
    streams_.erase(answer.stream);
    by->stream_number_ = 0;
    for (const auto& [request, one] : asked) {
        by->filters_.remove(one.filter);
        by->sink_->on_filter_done(request, one.add, one.filter, answer.why);
    }
}

void relay::on_filter_done(const msg_link::stream_answer& answer) {
    auto* by = of_stream(answer.stream);
    if (by == nullptr) return;
    const auto request = answer.request / 2;
    const auto found = by->asked_.find(request);
    if (found == by->asked_.end()) return;
    if (answer.why != msg_link::reason::ok) found->second.why = answer.why;
    if (--found->second.unanswered > 0) return;
    const auto one = std::move(found->second);
    by->asked_.erase(found);
    if (one.add && one.why != msg_link::reason::ok) {
        by->filters_.remove(one.filter);
        // The other half may have been taken; nobody waits for this answer.
        if (filter_parts(by->isolation_, one.filter) > 1) send_filter(*by, request, one.filter, 0, false);
    }
    by->sink_->on_filter_done(request, one.add, one.filter, one.why);
}

void relay::on_stream_ended(const msg_link::stream_answer& answer) {
    auto* by = of_stream(answer.stream);
    if (by == nullptr) return;
    streams_.erase(answer.stream);
    by->stream_number_ = 0;
    if (by->evicted_ || answer.why == msg_link::reason::superseded) return; // `evicted` follows and says more
    ++counters_.streams_lost;
    by->sink_->on_stream_ended(answer.why);
}

void relay::on_deliver(const msg_link::deliver& frame, const msg_link::topic_name& from) {
    const auto fields = record::parse(frame.record);
    if (!fields) {
        core::log::error("a record of unknown form was delivered", {{"topic", from.name}});
        return;
    }
    session::delivery message;
    message.topic = mqtt_topic(from.name);
    message.payload = fields->payload;
    message.properties = fields->properties;
    message.position = frame.position;
    message.credit_bytes = static_cast<std::uint32_t>(frame.record.size());
    message.dup = false; // a repeat on another connection is a first delivery there ([MQTT5-3.3.1-3])
    for (std::size_t i = 0; i < frame.streams.size(); ++i) {
        const auto raw = frame.streams[i];
        auto* by = of_stream(raw & ~msg_link::must_acknowledge);
        if (by == nullptr) continue;
        const bool must = (raw & msg_link::must_acknowledge) != 0;
        message.qos = must ? 1 : 0;
        by->stream_.take(frame.position, frame.record.size(), must);
        // What an application addresses to a client names it, too; only the client's own comes from a device.
        if (by->filters_.any_no_local() && fields->client_id == by->client_id_ &&
            record::peek_from_device(frame.record)) { // [MQTT5-3.8.3-3]
            const auto own = by->filters_.own_message_qos(message.topic);
            if (!own) {
                acknowledge(*by, frame.position, message.credit_bytes);
                continue;
            }
            message.qos = std::min(message.qos, *own);
        }
        ++counters_.delivered;
        const auto what = by->sink_->on_deliver(message);
        if (what == session::delivery_result::refused) {
            // Credit keeps this from happening; if it does, the message goes back instead of being lost.
            const std::uint64_t pair[2] = {frame.position, frame.position};
            link_.send_negative_acknowledge(by->stream_number_, 0, pair);
        }
        if (!by->progressed_) {
            by->progressed_ = true;
            progressed_.push_back(by);
        }
    }
}

void relay::on_batch_done() {
    for (std::size_t i = 0; i < progressed_.size(); ++i) { // may grow while it runs
        auto* by = progressed_[i];
        if (by == nullptr) continue;
        by->progressed_ = false;
        by->sink_->on_relay_progress();
    }
    progressed_.clear();
    if (!blocked_.empty() && worth_waking({link_.unsettled_frames(), link_.unsettled_bytes()}, queue_.now()))
        wake_blocked();
}

void relay::wake_blocked() {
    if (!link_.may_send()) return;
    const auto blocked = std::move(blocked_);
    blocked_.clear();
    for (auto* by : blocked) by->blocked_ = false;
    for (auto* by : blocked)
        if (members_.contains(by)) by->sink_->on_relay_progress();
}

} // namespace broker::relay
