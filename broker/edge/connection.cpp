#include "broker/edge/connection.hpp"

#include "broker/mqtt/decoder.hpp"
#include "common/async/tokens.hpp"
#include "common/core/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <random>

namespace broker::edge {

using mqtt::reason_code;

namespace {

reason_code code_of(msg_link::reason why) noexcept {
    using enum msg_link::reason;
    switch (why) {
    case ok: return reason_code::success;
    case no_subscribers: return reason_code::no_matching_subscribers;
    case topic_backlog_full:
    case tenant_backlog_full:
    case topic_limit:
    case disk_full:
    case state_full:
    case rate_limited: return reason_code::quota_exceeded;
    case too_large: return reason_code::packet_too_large;
    case superseded: return reason_code::session_taken_over;
    case not_allowed: return reason_code::not_authorized;
    case store_failed:
    case shutting_down: return reason_code::server_unavailable;
    case too_slow: return reason_code::quota_exceeded;
    default: return reason_code::implementation_specific_error;
    }
}

/// Bytes of one read; a full packet fits behind what is stashed.
constexpr std::size_t read_bytes = 64 * 1024;
/// One connection takes at most this much of a turn, so that its neighbours get theirs.
constexpr std::size_t turn_bytes = 256 * 1024;
/// What a client may still send, and how long it may take to close, after it was told why its connection ends.
constexpr std::size_t linger_bytes_max = 1024 * 1024;
constexpr std::chrono::seconds linger_time{1};

} // namespace

connection::connection(shared_parts& with, std::unique_ptr<net::transport> over)
    : with_(with), transport_(std::move(over)), session_(*this, with.settings), wake_(transport_->executor()),
      last_packet_at_(with.time.now()) {}

connection::~connection() = default;

// --- reading

asio::awaitable<void> connection::run(bool handshake) {
    if (handshake) {
        const auto failed = co_await transport_->handshake();
        if (failed) {
            ++with_.counters.handshakes_failed;
            // Who connects and leaves without a word is a health check more often than not.
            const auto tell = failed == asio::error::eof ? core::log::debug : core::log::info;
            tell("handshake failed", {{"peer", transport_->remote_address()}, {"why", failed.message()}});
            closed_ = true;
        }
    }
    while (!closed_) {
        if (!may_read()) {
            paused_ = true;
            co_await wake_.wait();
            paused_ = false;
            if (closed_) break;
            decode_stash();
            flush();
            continue;
        }
        const auto error = co_await transport_->wait_readable();
        if (error || closed_) break;
        if (!read_available()) break;
        flush();
    }
    finish();
    if (lingering_) co_await linger();
}

bool connection::may_read() const {
    if (closing_ || session_.waiting()) return false;
    if (outbox_.waiting() > with_.limits.outbox_bytes) return false;
    if (!session_.connected() || member_ == nullptr) return true;
    return with_.links.may_publish(*member_);
}

/// Takes what the socket has, in place; false when the connection is over.
bool connection::read_available() {
    auto& scratch = with_.scratch;
    std::size_t taken = 0;
    while (taken < turn_bytes) {
        const auto before = stash_.size();
        if (scratch.size() < before + read_bytes) scratch.resize(before + read_bytes);
        std::copy_n(reinterpret_cast<const std::byte*>(stash_.data()), before, scratch.data());
        const auto got = transport_->read_some({scratch.data() + before, read_bytes});
        if (got.error) {
            in_session_ = true;
            session_.on_transport_closed();
            in_session_ = false;
            return false;
        }
        if (got.would_block || got.bytes == 0) return true;
        with_.counters.bytes_in += got.bytes;
        taken += got.bytes;
        const core::byte_span input(scratch.data(), before + got.bytes);
        const auto used = decode(input);
        if (closed_) return false;
        stash_.assign(core::as_text(input.subspan(used)));
        if (stash_.empty() && stash_.capacity() > 1024) std::string().swap(stash_);
        if (!may_read()) return true;
        if (got.bytes < read_bytes) return true; // the socket is empty; more will wake us
    }
    return true;
}

/// Hands complete packets to the session while it takes them; returns the bytes used.
std::size_t connection::decode(core::byte_span input) {
    std::size_t used = 0;
    in_session_ = true;
    while (!session_.waiting() && !closing_ && used < input.size()) {
        if (session_.connected() && member_ != nullptr && !with_.links.may_publish(*member_)) break;
        const auto found = mqtt::decode(input.subspan(used), session_.version(), session_.packet_bytes_max());
        if (found.failed()) {
            session_.on_malformed(found.error);
            break;
        }
        if (found.need_more) break;
        used += found.consumed;
        ++with_.counters.packets_in;
        session_.on_packet(found.value);
    }
    in_session_ = false;
    if (used > 0) last_packet_at_ = with_.time.now();
    return used;
}

void connection::decode_stash() {
    if (stash_.empty() || !may_read()) return;
    const std::string input = std::move(stash_);
    stash_.clear();
    const auto used = decode(core::as_bytes(input));
    stash_.assign(input, used);
}

// --- writing

void connection::flush() {
    if (draining_ || closed_) return;
    if (!outbox_.empty()) {
        switch (outbox_.write_to(*transport_, with_.counters.bytes_out)) {
        case outbox::outcome::done: break;
        case outbox::outcome::failed:
            closed_ = true;
            transport_->close();
            wake();
            return;
        case outbox::outcome::blocked:
            draining_ = true;
            asio::co_spawn(transport_->executor(), drain(shared_from_this()), [](const std::exception_ptr&) {});
            break;
        }
    }
    if (outbox_.waiting() > with_.limits.outbox_bytes && !credit_held_ && member_ != nullptr) {
        credit_held_ = true;
        with_.links.hold_credit(*member_, true);
    }
    if (closing_ && outbox_.empty()) {
        closed_ = true;
        if (tells_why_ && !with_.stopping)
            say_farewell();
        else
            transport_->close();
        wake();
    }
}

asio::awaitable<void> connection::drain(std::shared_ptr<connection> self) {
    while (!closed_) {
        const auto error = co_await transport_->wait_writable();
        if (error || closed_) break;
        const auto outcome = outbox_.write_to(*transport_, with_.counters.bytes_out);
        if (outcome == outbox::outcome::blocked) continue;
        if (outcome == outbox::outcome::failed) {
            closed_ = true;
            transport_->close();
        }
        break;
    }
    draining_ = false;
    if (credit_held_ && member_ != nullptr && !closed_) {
        credit_held_ = false;
        with_.links.hold_credit(*member_, false);
    }
    flush();
    wake();
    (void)self;
}

// --- ending

/// The last words are out, but the client may be in the middle of a packet: closing now would reset the connection, and
/// a client whose write fails does not look for a reason. So only our side ends, and `run` drops what still comes.
void connection::say_farewell() {
    lingering_ = true;
    closing_since_ = with_.time.now();
    transport_->shutdown_send();
    // Claim and will do not wait for the client. Not at once: the relay may be the caller.
    asio::post(transport_->executor(), [self = shared_from_this()] { self->finish(); });
}

asio::awaitable<void> connection::linger() {
    auto& scratch = with_.scratch;
    if (scratch.size() < read_bytes) scratch.resize(read_bytes);
    std::size_t dropped = 0;
    while (dropped < linger_bytes_max) {
        const auto got = transport_->read_some({scratch.data(), read_bytes});
        if (got.error) break;
        dropped += got.bytes;
        if (!got.would_block) continue;
        const auto error = co_await transport_->wait_readable();
        if (error) break;
    }
    transport_->close();
}

void connection::finish() {
    closed_ = true;
    if (!session_.closed()) session_.on_transport_closed();
    if (!lingering_) transport_->close();
    if (member_ != nullptr) {
        with_.links.leave(member_, will_);
        member_ = nullptr;
    }
}

void connection::close(session::close_reason reason, std::string_view log_text, bool publish_will) {
    closing_ = true;
    closing_since_ = with_.time.now();
    will_ = publish_will;
    tells_why_ =
        reason != session::close_reason::client_disconnected && reason != session::close_reason::transport_closed;
    const auto index = static_cast<std::size_t>(reason);
    if (index < with_.counters.closed.size()) ++with_.counters.closed[index];
    // A connection that ends inside a packet is worth a line; one that is cut between packets is daily business.
    const bool cut = reason == session::close_reason::transport_closed && !stash_.empty();
    const bool orderly = reason == session::close_reason::client_disconnected ||
                         reason == session::close_reason::transport_closed || reason == session::close_reason::shutdown;
    if (orderly && !cut)
        core::log::debug("client gone",
                         {{"tenant", tenant_}, {"client", client_id_}, {"why", session::name_of(reason)}});
    else
        core::log::info("client closed", {{"tenant", tenant_},
                                          {"client", client_id_},
                                          {"peer", transport_->remote_address()},
                                          {"reason", session::name_of(reason)},
                                          {"why", log_text}});
    wake();
}

void connection::shut_down() {
    if (lingering_) transport_->close();
    if (closing_ || closed_) return;
    session_.on_shutdown();
    flush();
}

void connection::check(core::steady_time now) {
    using namespace std::chrono;
    if (closed_) {
        if (lingering_ && now - closing_since_ > linger_time) transport_->close();
        return;
    }
    if (closing_) {
        if (now - closing_since_ > seconds(5)) { // the peer does not take our last words
            closed_ = true;
            transport_->close();
            wake();
        }
        return;
    }
    const auto silent = now - last_packet_at_;
    if (!session_.connected()) {
        // While login or claim is under way it is us who are slow.
        if (silent > with_.limits.connect_timeout && !session_.waiting()) {
            session_.on_connect_timeout();
            if (!closing_) { // still in the handshake: nothing to say yet
                closed_ = true;
                transport_->close();
            }
            flush();
            wake();
        }
        return;
    }
    if (paused_) { // we do not read: the client cannot be blamed for silence
        last_packet_at_ = now;
        return;
    }
    if (keep_alive_s_ != 0 && silent > milliseconds(1500) * keep_alive_s_) {
        session_.on_keep_alive_expired();
        flush();
    }
    if (silent > seconds(30)) session_.release_idle_memory();
}

// --- what the session asks

std::string connection::fresh_client_id() {
    std::random_device device;
    std::uint64_t number = (static_cast<std::uint64_t>(device()) << 32) | device();
    std::string id = "auto-";
    for (int i = 0; i < 13; ++i) {
        id.push_back("0123456789abcdefghijklmnopqrstuv"[number & 31]);
        number >>= 5;
    }
    return id;
}

void connection::authenticate(const session::login_request& request) {
    client_id_ = request.client_id;
    if (with_.stopping || (!with_.links.up() && with_.links.down_for() > with_.limits.link_grace)) {
        session::login_outcome refused;
        refused.reason = reason_code::server_unavailable;
        refused.text = "the store is not reachable; try again";
        session_.on_authenticated(refused);
        return;
    }
    with_.logins.login(request.username, request.password, transport_->peer().der,
                       [self = weak_from_this()](login::login_result result) {
                           if (const auto still = self.lock()) still->on_logged_in(std::move(result));
                       });
}

void connection::on_logged_in(login::login_result result) {
    if (closed_ || closing_) return;
    tenant_ = result.who.tenant;
    user_ = result.who.user;
    method_ = result.who.method;
    session::login_outcome outcome;
    outcome.reason = result.reason;
    outcome.text = result.text;
    outcome.settings = &with_.settings;
    session_.on_authenticated(outcome);
    if (!in_session_) {
        flush();
        wake();
    }
}

void connection::claim(const session::claim_request& request) {
    client_id_ = request.client_id;
    member_ = with_.links.join(*this);
    relay::claim_details details;
    details.tenant = tenant_;
    details.client_id = request.client_id;
    details.user = user_;
    details.method = method_;
    details.fail_after_refusal = session_.version() != mqtt::protocol_version::v5;
    details.will = request.will ? &*request.will : nullptr;
    with_.links.claim(*member_, details);
}

void connection::connected(const session::connection_terms& terms) {
    keep_alive_s_ = terms.keep_alive_s;
    with_.links.set_window(*member_, terms.deliveries_in_flight_max, with_.limits.stream_bytes);
    core::log::debug("client connected",
                     {{"tenant", tenant_}, {"client", client_id_}, {"version", static_cast<int>(terms.version)}});
}

bool connection::publish(const session::publish_request& request, std::uint16_t packet_identifier) {
    return with_.links.publish(*member_, request, packet_identifier);
}

void connection::subscribe(std::string_view filter, std::uint8_t qos, std::uint32_t request) {
    const bool replaced = with_.links.has_filter(*member_, filter);
    asked_qos_.emplace_back(request, static_cast<std::uint8_t>(qos | (replaced ? 0x80 : 0)));
    with_.links.add_filter(*member_, filter, qos, request);
}

void connection::unsubscribe(std::string_view filter, std::uint32_t request) {
    const bool existed = with_.links.has_filter(*member_, filter);
    asked_qos_.emplace_back(request, static_cast<std::uint8_t>(existed ? 1 : 0));
    with_.links.remove_filter(*member_, filter, request);
}

bool connection::has_subscription(std::string_view filter) const {
    return member_ != nullptr && with_.links.has_filter(*member_, filter);
}

void connection::acknowledge(std::uint64_t position, std::uint32_t credit_bytes) {
    with_.links.acknowledge(*member_, position, credit_bytes);
}

void connection::report(const session::refusal& what) {
    ++with_.counters.refusals[static_cast<std::uint8_t>(what.reason)];
}

// --- what the relay tells

void connection::on_claimed(msg_link::reason why) {
    if (closed_ || closing_) return;
    session::claim_outcome outcome;
    outcome.reason = code_of(why);
    outcome.text = why == msg_link::reason::ok ? std::string_view{} : msg_link::text(why);
    session_.on_claimed(outcome);
    flush();
    wake();
}

void connection::on_evicted(msg_link::reason why) {
    if (closed_ || closing_) return;
    will_ = false; // who ended the claim decided about it
    if (why == msg_link::reason::superseded)
        session_.on_evicted();
    else
        session_.on_stream_lost(code_of(why), msg_link::text(why)); // nobody took it over: the lease ended
    flush();
    wake();
}

void connection::on_settled(std::uint16_t packet_identifier, msg_link::reason why) {
    if (closed_ || closing_) return;
    session::publish_outcome outcome;
    if (why == msg_link::reason::no_subscribers)
        outcome.verdict = session::publish_verdict::no_subscribers;
    else if (why != msg_link::reason::ok) {
        outcome.verdict = session::publish_verdict::refused;
        outcome.reason = code_of(why);
        outcome.text = msg_link::text(why);
    }
    session_.on_settled(packet_identifier, outcome);
}

void connection::on_filter_done(std::uint32_t request, bool added, msg_link::reason why) {
    if (closed_ || closing_) return;
    const auto found =
        std::find_if(asked_qos_.begin(), asked_qos_.end(), [&](const auto& one) { return one.first == request; });
    std::uint8_t note = 0;
    if (found != asked_qos_.end()) {
        note = found->second;
        asked_qos_.erase(found);
    }
    if (asked_qos_.empty()) asked_qos_.shrink_to_fit();
    if (added) {
        session::subscribe_outcome outcome;
        outcome.reason = why == msg_link::reason::ok ? static_cast<reason_code>(note & 0x7F) : code_of(why);
        outcome.replaced = (note & 0x80) != 0;
        outcome.text = why == msg_link::reason::ok ? std::string_view{} : msg_link::text(why);
        session_.on_subscribed(request, outcome);
    } else {
        session_.on_unsubscribed(request, note != 0);
    }
    flush();
    wake();
}

void connection::on_stream_ended(msg_link::reason why) {
    if (closed_ || closing_) return;
    session_.on_stream_lost(code_of(why), msg_link::text(why));
    flush();
    wake();
}

session::delivery_result connection::on_deliver(const session::delivery& message) {
    if (closed_ || closing_) return session::delivery_result::dropped;
    return session_.on_deliver(message);
}

void connection::on_relay_progress() {
    flush();
    if (paused_) wake();
}

} // namespace broker::edge
