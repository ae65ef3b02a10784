#include "messaging/topic/link_session.hpp"

#include "common/record/device_topics.hpp"
#include "common/record/record.hpp"

#include <algorithm>
#include <utility>

namespace messaging::topic {

namespace {
constexpr std::size_t topics_per_link = 1'000'000;
constexpr std::size_t streams_per_link = 200'000;
const std::string malformed = "a frame is not of its type's shape";

/// Not empty; a wildcard stands alone in its level and `#` in the last one.
bool well_formed(std::string_view filter) noexcept {
    if (filter.empty()) return false;
    while (true) {
        const auto slash = filter.find('/');
        const auto level = filter.substr(0, slash);
        if (level.size() > 1 && level.find_first_of("+#") != std::string_view::npos) return false;
        if (slash == std::string_view::npos) return true;
        if (level == "#") return false;
        filter.remove_prefix(slash + 1);
    }
}
} // namespace

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
    told_topics_.clear();
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
        if (leased) hub_.remove(of, msg_link::reason::ok);
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
    frame.incarnation = hub_.incarnation();
    frame.resumed = known_before_;
    frame.settled = settled;
    frame.record_bytes_max = hub_.defaults().record_bytes;
    frame.lease_ms = static_cast<std::uint32_t>(hub_.defaults().lease.count());
    for (const auto& one : recent_runs())
        if (one.first + one.length > greeting_.first_sequence) frame.runs.push_back(one);
    msg_link::encode(output_.control(), frame);
}

// --- sequenced frames

std::string link_session::on_publish(core::byte_span body) {
    msg_link::publish frame;
    if (!msg_link::decode(body, frame)) return malformed;
    if (++received <= skip_until_) return {};
    const auto to = topics_.find(frame.topic);
    if (to == topics_.end()) return "publish on a topic number that is not open";
    const auto parsed = record::parse(frame.record);
    if (!parsed) return "a record of unknown form";
    if (!who_.may_claim && (parsed->authenticated_by == record::authentication::basic ||
                            parsed->authenticated_by == record::authentication::x509)) {
        hub_.refuse(*this, msg_link::reason::not_allowed);
        return {};
    }
    struct claim* by = nullptr;
    if (frame.claim != 0) {
        by = hub_.find_claim(frame.claim);
        if (by == nullptr || by->session != session_) {
            hub_.refuse(*this, msg_link::reason::superseded);
            return {};
        }
    }
    if (auto* found = topic_for(to->second))
        hub_.publish(*this, found, by, frame.record);
    else
        hub_.refuse(*this, to->second.why);
    return {};
}

/// The client goes on using a number that was refused for a limit; when there is room again it is served.
topic* link_session::topic_for(open_number& number) {
    if (number.to != nullptr || !number.wanted) return number.to;
    number.to = hub_.open_topic(number.wanted->tenant, number.wanted->name_space, number.wanted->name, number.why);
    if (number.to != nullptr) number.wanted.reset();
    return number.to;
}

std::string link_session::on_claim(core::byte_span body) {
    msg_link::claim frame;
    if (!msg_link::decode(body, frame)) return malformed;
    if (++received <= skip_until_) return {};
    hub_.touch(*this);
    if (!who_.may_claim || !who_.allows(frame.tenant)) {
        note(msg_link::reason::not_allowed);
        msg_link::encode(output_.control(), msg_link::claimed{received, 0, msg_link::reason::not_allowed,
                                                              msg_link::text(msg_link::reason::not_allowed)});
        kick();
        return {};
    }
    if (frame.has_will && !record::parse(frame.will_record)) return "a will of unknown form";
    hub_.make_claim(*this, session_, received, frame);
    return {};
}

std::string link_session::on_release(core::byte_span body) {
    msg_link::release frame;
    if (!msg_link::decode(body, frame)) return malformed;
    if (++received <= skip_until_) return {};
    hub_.touch(*this);
    if (const auto* one = hub_.find_claim(frame.claim); one != nullptr && one->session == session_)
        hub_.end_claim(frame.claim, frame.publish_will);
    return {};
}

// --- topics

std::string link_session::on_topic(core::byte_span body) {
    msg_link::topic frame;
    if (!msg_link::decode(body, frame)) return malformed;
    if (topics_.contains(frame.number)) return "a topic number was opened twice";
    if (topics_.size() >= topics_per_link) return "too many open topics on this link";
    open_number made;
    if (!who_.allows(frame.tenant))
        made.why = msg_link::reason::not_allowed;
    else if (frame.name.empty() || frame.tenant.empty())
        made.why = msg_link::reason::bad_request;
    else if (!who_.may_claim && frame.name.starts_with(record::service_prefix))
        made.why = msg_link::reason::not_allowed;
    else
        made.to = hub_.open_topic(frame.tenant, frame.name_space, frame.name, made.why);
    if (made.why == msg_link::reason::topic_limit)
        made.wanted = std::make_unique<wanted_topic>(
            wanted_topic{std::string(frame.tenant), std::string(frame.name_space), std::string(frame.name)});
    topics_.emplace(frame.number, std::move(made));
    return {};
}

std::string link_session::on_topic_close(core::byte_span body) {
    std::uint32_t number = 0;
    if (!msg_link::decode_number(body, number)) return malformed;
    const auto found = topics_.find(number);
    if (found == topics_.end()) return "topic_close for a number that is not open";
    if (found->second.to != nullptr) hub_.close_topic(*found->second.to);
    topics_.erase(found);
    return {};
}

// --- subscriptions

void link_session::answer_subscribed(std::uint32_t stream, msg_link::reason why) {
    msg_link::encode_subscribed(
        output_.control(), {stream, 0, why, why == msg_link::reason::ok ? std::string_view{} : msg_link::text(why)});
    kick();
}

void link_session::answer_filter(std::uint32_t stream, std::uint32_t request, msg_link::reason why) {
    msg_link::encode_filter_done(
        output_.control(),
        {stream, request, why, why == msg_link::reason::ok ? std::string_view{} : msg_link::text(why)});
    kick();
}

std::string link_session::on_subscribe(core::byte_span body) {
    msg_link::subscribe frame;
    if (!msg_link::decode(body, frame)) return malformed;
    if (streams_.contains(frame.stream)) { // asked again after a reconnect
        answer_subscribed(frame.stream, msg_link::reason::ok);
        return {};
    }
    auto why = msg_link::reason::ok;
    if (!who_.allows(frame.tenant))
        why = msg_link::reason::not_allowed;
    else if (streams_.size() >= streams_per_link)
        why = msg_link::reason::rate_limited;
    else if (frame.claim != 0) {
        const auto* by = hub_.find_claim(frame.claim);
        if (by == nullptr || by->session != session_ || by->owner->name != frame.tenant)
            why = msg_link::reason::superseded;
    }
    subscription* made = nullptr;
    if (why == msg_link::reason::ok) {
        subscribe_request request;
        request.claim = frame.claim;
        request.session = session_;
        request.stream = frame.stream;
        request.tenant = frame.tenant;
        request.name_space = frame.name_space;
        request.name = frame.name;
        request.type = frame.type;
        request.durability = frame.durability;
        made = hub_.subscribe(request, why);
    }
    if (made == nullptr) {
        answer_subscribed(frame.stream, why);
        return {};
    }
    streams_[frame.stream] = {hub_.attach(*made, *this, frame.stream), frame.start};
    hub_.when_durable([this, alive = std::weak_ptr<int>(alive_), stream = frame.stream](core::error_code error) {
        if (alive.expired()) return;
        answer_subscribed(stream, error ? msg_link::reason::store_failed : msg_link::reason::ok);
    });
    return {};
}

std::string link_session::on_filter_add(core::byte_span body) {
    msg_link::filter frame;
    if (!msg_link::decode_filter_add(body, frame)) return malformed;
    const auto found = streams_.find(frame.stream);
    if (found == streams_.end()) {
        answer_filter(frame.stream, frame.request, msg_link::reason::not_found);
        return {};
    }
    if (!well_formed(frame.filter)) {
        answer_filter(frame.stream, frame.request, msg_link::reason::bad_request);
        return {};
    }
    const auto why = hub_.add_filter(*found->second.with->of, frame.filter, frame.qos, found->second.start);
    if (why != msg_link::reason::ok) {
        answer_filter(frame.stream, frame.request, why);
        return {};
    }
    hub_.when_durable([this, alive = std::weak_ptr<int>(alive_), stream = frame.stream,
                       request = frame.request](core::error_code error) {
        if (alive.expired()) return;
        answer_filter(stream, request, error ? msg_link::reason::store_failed : msg_link::reason::ok);
    });
    return {};
}

std::string link_session::on_filter_remove(core::byte_span body) {
    msg_link::filter frame;
    if (!msg_link::decode_filter_remove(body, frame)) return malformed;
    const auto found = streams_.find(frame.stream);
    const bool removed = found != streams_.end() && hub_.remove_filter(*found->second.with->of, frame.filter);
    if (!removed) {
        answer_filter(frame.stream, frame.request, msg_link::reason::not_found);
        return {};
    }
    // In the order of the requests: an addition before it waits for the commit, too.
    hub_.when_durable([this, alive = std::weak_ptr<int>(alive_), stream = frame.stream,
                       request = frame.request](core::error_code error) {
        if (alive.expired()) return;
        answer_filter(stream, request, error ? msg_link::reason::store_failed : msg_link::reason::ok);
    });
    return {};
}

std::string link_session::on_stream_close(core::byte_span body) {
    msg_link::stream_close frame;
    if (!msg_link::decode(body, frame)) return malformed;
    const auto found = streams_.find(frame.stream);
    if (found == streams_.end()) return {}; // crossed with stream_ended
    auto* with = found->second.with;
    auto& of = *with->of;
    streams_.erase(found);
    const bool last = of.durability == msg_link::durability::volatile_ && of.consumers.size() == 1;
    hub_.detach(*with); // removes a volatile one by itself
    if (last) return {};
    if (frame.remove || of.durability == msg_link::durability::leased) hub_.remove(of, msg_link::reason::removed);
    return {};
}

std::string link_session::on_acknowledge(core::byte_span body, bool negative) {
    msg_link::acknowledge frame;
    const bool good =
        negative ? msg_link::decode_negative_acknowledge(body, frame) : msg_link::decode_acknowledge(body, frame);
    if (!good) return malformed;
    for (std::size_t i = 0; i + 1 < frame.from_to.size(); i += 2) {
        // Looked up each time: an acknowledgement may end the stream (slow subscriber rules).
        const auto found = streams_.find(frame.stream);
        if (found == streams_.end()) return {};
        if (negative)
            hub_.negative_acknowledge(*found->second.with, frame.from_to[i], frame.from_to[i + 1]);
        else
            hub_.acknowledge(*found->second.with, frame.from_to[i], frame.from_to[i + 1]);
    }
    return {};
}

std::string link_session::on_credit(core::byte_span body) {
    msg_link::credit frame;
    if (!msg_link::decode(body, frame)) return malformed;
    if (const auto found = streams_.find(frame.stream); found != streams_.end())
        hub_.credit(*found->second.with, frame.messages, frame.bytes);
    return {};
}

std::string link_session::on_window(core::byte_span body) {
    msg_link::window frame;
    if (!msg_link::decode(body, frame)) return malformed;
    if (frame.records > sent_records_ || frame.bytes > sent_bytes_) return "window returned what was never sent";
    const bool was_ready = ready();
    returned_records_ = std::max(returned_records_, frame.records);
    returned_bytes_ = std::max(returned_bytes_, frame.bytes);
    if (!was_ready && ready()) hub_.sink_ready(*this);
    return {};
}

// --- keyed state

std::string link_session::on_state_put(core::byte_span body) {
    msg_link::state_request frame;
    if (!msg_link::decode_state_put(body, frame)) return malformed;
    const auto answer = [this](std::uint32_t request, msg_link::reason why) {
        msg_link::encode(output_.control(), msg_link::state{request, why, {}});
        kick();
    };
    if (!who_.allows(frame.tenant) || frame.name_space == management_space) {
        answer(frame.request, msg_link::reason::not_allowed);
        return {};
    }
    const auto why = hub_.put_state(frame.tenant, frame.name_space, frame.key, frame.flag, frame.value);
    if (why != msg_link::reason::ok) {
        answer(frame.request, why);
        return {};
    }
    hub_.when_durable([alive = std::weak_ptr<int>(alive_), answer, request = frame.request](core::error_code error) {
        if (!alive.expired()) answer(request, error ? msg_link::reason::store_failed : msg_link::reason::ok);
    });
    return {};
}

std::string link_session::on_state_get(core::byte_span body) {
    msg_link::state_request frame;
    if (!msg_link::decode_state_get(body, frame)) return malformed;
    msg_link::state answer;
    answer.request = frame.request;
    if (!who_.allows(frame.tenant) || frame.name_space == management_space) {
        answer.why = msg_link::reason::not_allowed;
    } else if (const auto* known = hub_.states(frame.tenant, frame.name_space)) {
        constexpr std::size_t answer_bytes_max = 128 * 1024;
        std::size_t bytes = 0;
        for (auto it = known->lower_bound(frame.key); it != known->end(); ++it) {
            if (frame.flag ? !it->first.starts_with(frame.key) : it->first != frame.key) break;
            bytes += it->first.size() + it->second.size() + 6;
            if (bytes > answer_bytes_max) {
                answer.why = msg_link::reason::too_large; // ask for a longer prefix
                break;
            }
            answer.entries.push_back({it->first, core::as_bytes(it->second)});
        }
    }
    if (answer.why == msg_link::reason::ok && answer.entries.empty() && !frame.flag)
        answer.why = msg_link::reason::not_found;
    msg_link::encode(output_.control(), answer);
    kick();
    return {};
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
    auto told = told_topics_.find(from.identity);
    if (told == told_topics_.end()) {
        told = told_topics_.emplace(from.identity, next_topic_++).first;
        msg_link::encode(output_.control(), msg_link::type::topic_to_client,
                         msg_link::topic{told->second, from.owner().name, from.name_space(), from.name()});
    }
    for (std::size_t at = 0; at < streams.size(); at += msg_link::deliver_streams_max) {
        const auto some = std::span(streams).subspan(at, std::min(msg_link::deliver_streams_max, streams.size() - at));
        auto& chunk = output_.data(some.size() * 4 + record.size() + 20);
        msg_link::encode_deliver(chunk, some, told->second, position, delivery_count, record);
        ++sent_records_;
        sent_bytes_ += record.size();
    }
    kick();
}

void link_session::ended(std::uint32_t stream, msg_link::reason why, std::string_view message) {
    streams_.erase(stream);
    if (!welcomed_) return; // resume_stream will find it gone
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
