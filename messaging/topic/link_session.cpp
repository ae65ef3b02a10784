#include "messaging/topic/link_session.hpp"

#include <algorithm>
#include <utility>

namespace messaging::topic {

bool link_permissions::allows(std::string_view tenant) const noexcept {
    return any_tenant || std::find(tenants.begin(), tenants.end(), tenant) != tenants.end();
}

bool link_permissions::covers(const link_permissions& other) const noexcept {
    if (other.may_claim && !may_claim) return false;
    if (any_tenant) return true;
    return !other.any_tenant &&
           std::all_of(other.tenants.begin(), other.tenants.end(), [this](const auto& one) { return allows(one); });
}

bool link_session::may_connect(const link_permissions& who) const {
    if (connection_count_ > 0) return who.covers(who_);
    for (const auto& [number, state] : streams_) // found in the log: nobody has connected since
        if (!who.allows(state.with->of->owner().name)) return false;
    for (const auto* one : hub_.claims_of(session_))
        if (!who.may_claim || !who.allows(one->owner->name)) return false;
    return true;
}

link_session::link_session(hub& owner, std::uint64_t session) : hub_(owner), session_(session) {
    hub_.register_session(session_, *this);
    if (const auto* known = hub_.find_producer(session_)) {
        known_before_ = true;
        producer = known->producer;
        received = settled = known->settled;
        remember(known->runs);
    }
    // After a restart: the subscriptions of the session wait for their streams.
    for (auto* one : hub_.subscriptions_of(session_)) {
        known_before_ = true;
        streams_[one->stream] = {hub_.attach(*one, *this, one->stream), msg_link::start_at::newest};
    }
    if (!known_before_) known_before_ = holds_claims();
}

link_session::~link_session() {
    const auto streams = std::move(streams_);
    streams_.clear();
    for (const auto& [number, state] : streams) hub_.detach(*state.with);
    close_topics();
    hub_.forget(*this);
    hub_.unregister_session(session_);
}

bool link_session::holds_claims() const { return !hub_.claims_of(session_).empty(); }

void link_session::connect(link_permissions who, std::function<void()> kick) {
    who_ = std::move(who);
    ++connection_count_;
    output_.clear();
    close_topics();
    told_.clear();
    greeted_ = welcomed_ = false;
    resumed_streams_.clear();
    resumed_claims_.clear();
    sent_records_ = sent_bytes_ = returned_records_ = returned_bytes_ = 0;
    kick_ = std::move(kick);
}

void link_session::disconnect(core::steady_time now) {
    const auto last = std::exchange(kick_, nullptr);
    disconnected_at_ = now;
    welcomed_ = false;
    output_.clear();
    close_topics();
    if (last) last(); // a connection that is being replaced learns of it at once
}

void link_session::yield_failover() {
    std::vector<std::uint32_t> yielded;
    for (const auto& [stream, state] : streams_) {
        const auto& of = *state.with->of;
        if (of.type == msg_link::subscription_type::failover && of.consumers.size() > 1) yielded.push_back(stream);
    }
    for (const auto stream : yielded) {
        auto* with = streams_[stream].with;
        streams_.erase(stream);
        hub_.detach(*with);
    }
}

void link_session::close_topics() {
    for (const auto& [number, one] : topics_)
        if (one.to != nullptr) hub_.close_topic(*one.to);
    topics_.clear();
}

void link_session::on_hello(const msg_link::hello& frame) {
    greeting_ = frame;
    greeted_ = true;
}

std::string link_session::on_frame(const msg_link::raw_frame& frame) {
    using enum msg_link::type;
    switch (frame.kind) {
    case resume_stream: return on_resume_stream(frame.body);
    case resume_claim: {
        std::uint64_t number = 0;
        if (!msg_link::decode_claim_number(frame.body, number)) return malformed;
        resumed_claims_.push_back(number);
        return {};
    }
    case hello_end: return on_hello_end();
    default: break;
    }
    if (!welcomed_) return "a frame came before hello_end";
    switch (frame.kind) {
    case publish: return on_publish(frame.body);
    case acknowledge: return on_acknowledge(frame.body, false);
    case credit: return on_credit(frame.body);
    case window: return on_window(frame.body);
    case topic: return on_topic(frame.body);
    case topic_close: return on_topic_close(frame.body);
    case claim: return on_claim(frame.body);
    case release: return on_release(frame.body);
    case subscribe: return on_subscribe(frame.body);
    case filter_add: return on_filter_add(frame.body);
    case filter_remove: return on_filter_remove(frame.body);
    case negative_acknowledge: return on_acknowledge(frame.body, true);
    case stream_close: return on_stream_close(frame.body);
    case seek: return on_seek(frame.body);
    case state_put: return on_state_put(frame.body);
    case state_get: return on_state_get(frame.body);
    default: return "a frame of unknown type " + std::to_string(static_cast<unsigned>(frame.kind));
    }
}

// --- opening and resuming

std::string link_session::on_resume_stream(core::byte_span body) {
    msg_link::resume_stream frame;
    if (!msg_link::decode(body, frame)) return malformed;
    if (!greeted_ || welcomed_) return "resume_stream stands between hello and hello_end only";
    resumed_streams_.push_back(frame.stream);
    if (const auto found = streams_.find(frame.stream); found != streams_.end())
        hub_.resume(*found->second.with, frame);
    return {};
}

std::string link_session::on_hello_end() {
    if (!greeted_ || welcomed_) return "hello_end comes once, after hello";
    if (producer != greeting_.producer) { // another life of the client, or the first
        producer = greeting_.producer;
        received = settled = greeting_.first_sequence - 1;
    }
    if (dirty) hub_.flush(); // its mark must carry the old count
    settled = std::max(settled, greeting_.first_sequence - 1);
    // What came on the last connection and is still on its way to the log will be settled by its own commit: the client
    // sends it again, because it is told only what is certain, and it is skipped here.
    skip_until_ = std::max(received, settled);
    received = settled;
    welcomed_ = true;
    welcome();
    std::sort(resumed_streams_.begin(), resumed_streams_.end());
    for (const auto stream : resumed_streams_)
        if (!streams_.contains(stream))
            msg_link::encode_stream_ended(output_.control(),
                                          {stream, 0, msg_link::reason::lost, msg_link::text(msg_link::reason::lost)});
    std::vector<std::uint32_t> unnamed;
    for (const auto& [stream, state] : streams_)
        if (!std::binary_search(resumed_streams_.begin(), resumed_streams_.end(), stream)) unnamed.push_back(stream);
    for (const auto stream : unnamed) {
        auto* with = streams_[stream].with;
        streams_.erase(stream);
        auto& of = *with->of;
        const bool leased = of.durability == msg_link::durability::leased;
        hub_.detach(*with); // removes a volatile one
        if (leased && of.consumers.empty()) hub_.remove(of, msg_link::reason::ok);
    }
    for (const auto number : resumed_claims_)
        if (hub_.find_claim(number) == nullptr)
            msg_link::encode(output_.control(), msg_link::evicted{number, msg_link::reason::lost});
    for (const auto* one : hub_.claims_of(session_))
        if (std::find(resumed_claims_.begin(), resumed_claims_.end(), one->number) == resumed_claims_.end() &&
            one->sequence <= settled)
            msg_link::encode(output_.control(),
                             msg_link::claimed{one->sequence, one->number, msg_link::reason::ok, {}});
    known_before_ = true;
    kick();
    hub_.sink_ready(*this);
    return {};
}

void link_session::welcome() {
    msg_link::welcome frame;
    frame.version = std::min(greeting_.version, msg_link::version);
    frame.incarnation = hub_.incarnation();
    frame.resumed = known_before_;
    frame.settled = settled;
    frame.record_bytes_max = hub_.defaults().record_bytes;
    frame.lease_ms = static_cast<std::uint32_t>(hub_.defaults().lease.count());
    for (const auto& one : recent_runs())
        if (one.first + one.length > greeting_.first_sequence) frame.runs.push_back(one);
    msg_link::encode(output_.control(), frame);
}

// --- towards the client

void link_session::on_settled(std::uint64_t up_to, const std::vector<msg_link::run>& runs) {
    if (!welcomed_) return; // the next welcome tells
    msg_link::encode(output_.control(), msg_link::settled{up_to, runs});
    kick();
}

bool link_session::ready() const noexcept {
    return welcomed_ && sent_records_ - returned_records_ < msg_link::window_records &&
           sent_bytes_ - returned_bytes_ < msg_link::window_bytes;
}

void link_session::deliver(const std::vector<std::uint32_t>& streams, const topic& from, std::uint64_t position,
                           std::uint8_t delivery_count, core::byte_span record) {
    const auto chunks = (streams.size() + msg_link::deliver_streams_max - 1) / msg_link::deliver_streams_max;
    const auto told = told_.number_of(from.identity, sent_records_ + chunks);
    if (told.fresh)
        msg_link::encode(output_.control(), msg_link::type::topic_to_client,
                         msg_link::topic{told.number, from.owner().name, from.name_space(), from.name()});
    for (std::size_t at = 0; at < streams.size(); at += msg_link::deliver_streams_max) {
        const auto some = std::span(streams).subspan(at, std::min(msg_link::deliver_streams_max, streams.size() - at));
        auto& chunk = output_.data(some.size() * 4 + record.size() + 20);
        msg_link::encode_deliver(chunk, some, told.number, position, delivery_count, record);
        ++sent_records_;
        sent_bytes_ += record.size();
    }
    kick();
}

void link_session::ended(std::uint32_t stream, msg_link::reason why, std::string_view message) {
    streams_.erase(stream);
    if (!welcomed_) return; // resume_stream will find it gone
    if (why == msg_link::reason::moved && greeting_.version < 2) why = msg_link::reason::lost;
    msg_link::encode_stream_ended(output_.control(), {stream, 0, why, message});
    kick();
}

void link_session::on_claimed(std::uint64_t sequence, std::uint64_t claim, msg_link::reason why) {
    if (claim == 0 && sequence == received) note(why); // later it would be said of another frame
    if (!welcomed_) return;
    msg_link::encode(output_.control(),
                     msg_link::claimed{sequence, claim, why,
                                       why == msg_link::reason::ok ? std::string_view{} : msg_link::text(why)});
    kick();
}

void link_session::on_evicted(std::uint64_t claim, msg_link::reason why) {
    if (!welcomed_) return;
    msg_link::encode(output_.control(), msg_link::evicted{claim, why});
    kick();
}

} // namespace messaging::topic
