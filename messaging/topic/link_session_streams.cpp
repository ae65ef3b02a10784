// Streams of a link: subscribing, filters, credit and acknowledgements.
#include "messaging/topic/link_session.hpp"

#include <algorithm>

namespace messaging::topic {

namespace {
constexpr std::size_t streams_per_link = 200'000;
} // namespace

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
    streams_[frame.stream] = {hub_.attach(*made, *this, frame.stream, frame.consumer), frame.start};
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
    if (!well_formed_filter(frame.filter)) {
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
    const bool unused = of.durability == msg_link::durability::leased && of.consumers.empty();
    if (frame.remove || unused) hub_.remove(of, msg_link::reason::removed);
    return {};
}

std::string link_session::on_seek(core::byte_span body) {
    msg_link::seek frame;
    if (!msg_link::decode(body, frame)) return malformed;
    const auto found = streams_.find(frame.stream);
    if (found == streams_.end()) return {}; // crossed with stream_ended
    seek_target target;
    target.time_ms = static_cast<std::int64_t>(std::min<std::uint64_t>(frame.time_ms, INT64_MAX));
    switch (frame.to) {
    case msg_link::seek_to::earliest: target.to = seek_target::kind::earliest; break;
    case msg_link::seek_to::latest: target.to = seek_target::kind::latest; break;
    case msg_link::seek_to::time: target.to = seek_target::kind::time; break;
    }
    auto* with = found->second.with;
    const auto why = hub_.seek(*with->of, target); // ends the stream
    if (why == msg_link::reason::ok) return {};
    auto& of = *with->of;
    const bool leased = of.durability == msg_link::durability::leased;
    ended(frame.stream, why, msg_link::text(why));
    hub_.detach(*with); // removes a volatile one
    if (leased) hub_.remove(of, msg_link::reason::ok);
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
            hub_.negative_acknowledge(*found->second.with, frame.from_to[i], frame.from_to[i + 1], frame.delay_ms);
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
    forget_topics();
    if (!was_ready && ready()) hub_.sink_ready(*this);
    return {};
}

/// The client has taken every record that names them, so nothing that is on its way does.
void link_session::forget_topics() {
    if (greeting_.version < 2) return;
    while (const auto number = told_.forget_one(returned_records_)) {
        msg_link::encode_topic_forgotten(output_.control(), number);
        kick();
    }
}

} // namespace messaging::topic
