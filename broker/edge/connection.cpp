#include "broker/edge/connection.hpp"

#include "broker/mqtt/decoder.hpp"
#include "common/async/tokens.hpp"
#include "common/core/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

namespace broker::edge {

namespace {

/// One connection takes at most this much of a turn, so that its neighbours get theirs.
constexpr std::size_t turn_bytes = 256 * 1024;
constexpr int turn_packets = 1'000;
/// How long a client may take to close after it was told why its connection ends.
constexpr std::chrono::seconds linger_time{1};

} // namespace

connection::connection(shared_parts& with, std::unique_ptr<net::transport> over)
    : with_(with), transport_(std::move(over)), session_(*this, with.tenants.defaults().session),
      wake_(transport_->executor()), last_packet_at_(with.time.now()), since_(last_packet_at_) {}

connection::~connection() = default;

// --- reading

asio::awaitable<void> connection::handshake() {
    handshaking_ = true;
    ++with_.counters.handshakes_now;
    const auto failed = co_await transport_->handshake();
    handshaking_ = false;
    --with_.counters.handshakes_now;
    last_packet_at_ = with_.time.now();
    if (!failed) {
        ++(transport_->security().resumed ? with_.counters.handshakes_resumed : with_.counters.handshakes_full);
        co_return;
    }
    ++with_.counters.handshakes_failed;
    // Who connects and leaves without a word is a health check more often than not.
    const bool silent = failed == asio::error::eof || failed == asio::error::operation_aborted;
    const auto tell = silent ? core::log::debug : core::log::info;
    tell("handshake failed", {{"peer", transport_->remote_address()}, {"why", failed.message()}});
    closed_ = true;
}

asio::awaitable<void> connection::run() {
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
        if (spent_) { // others first
            co_await asio::post(transport_->executor(), asio::use_awaitable);
            if (closed_) break;
            decode_stash();
            flush();
            continue;
        }
        const auto error = co_await transport_->wait_readable();
        if (error || closed_) break;
        if (!may_read()) continue; // something changed while we waited
        if (!read_available()) break;
        flush();
    }
    finish();
    if (lingering_) co_await linger();
}

bool connection::may_read() const {
    if (closing_ || leaving_ || session_.waiting()) return false;
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
        if (spent_ || !may_read()) return true;
        if (got.bytes < read_bytes) return true; // the socket is empty; more will wake us
    }
    return true;
}

/// Hands complete packets to the session while it takes them and it is this client's turn; returns the bytes used.
std::size_t connection::decode(core::byte_span input) {
    std::size_t used = 0;
    int packets = 0;
    bool partial = false;
    in_session_ = true;
    spent_ = false;
    while (!session_.waiting() && !closing_ && used < input.size()) {
        if (packets == turn_packets) {
            spent_ = true;
            break;
        }
        if (session_.connected() && member_ != nullptr && !with_.links.may_publish(*member_)) break;
        const auto found = mqtt::decode(input.subspan(used), session_.version(), session_.packet_bytes_max());
        if (found.failed()) {
            session_.on_malformed(found.error);
            break;
        }
        if (found.need_more) {
            partial = true;
            break;
        }
        used += found.consumed;
        ++with_.counters.packets_in[static_cast<std::size_t>(mqtt::type_of(found.value))];
        ++packets;
        if (!session_.connected()) connect_bytes_ = static_cast<std::uint32_t>(found.consumed);
        session_.on_packet(found.value);
    }
    in_session_ = false;
    if (packets > 0) last_packet_at_ = with_.time.now();
    note_partial(partial, packets > 0);
    return used;
}

void connection::note_partial(bool partial, bool progressed) {
    if (partial && (!partial_ || progressed)) partial_since_ = progressed ? last_packet_at_ : with_.time.now();
    partial_ = partial;
}

void connection::decode_stash() {
    spent_ = false;
    if (stash_.empty() || !may_read()) return;
    const std::string input = std::move(stash_);
    stash_.clear();
    const auto used = decode(core::as_bytes(input));
    stash_.assign(input, used);
}

// --- writing

void connection::flush() {
    if (closed_) return;
    if (!draining_ && !outbox_.empty()) {
        outbox_.count(with_.counters.packets_out);
        switch (outbox_.write_to(*transport_, with_.counters.bytes_out)) {
        case outbox::outcome::done: break;
        case outbox::outcome::failed:
            closed_ = true;
            transport_->close();
            wake();
            return;
        case outbox::outcome::blocked:
            draining_ = true;
            taken_at_ = with_.time.now();
            asio::co_spawn(transport_->executor(), drain(shared_from_this()), [](const std::exception_ptr&) {});
            break;
        }
    }
    // Also while it drains: what comes meanwhile must not grow without bound.
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
        outbox_.count(with_.counters.packets_out);
        const auto waiting = outbox_.waiting();
        const auto outcome = outbox_.write_to(*transport_, with_.counters.bytes_out);
        if (outbox_.waiting() < waiting) taken_at_ = with_.time.now();
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

// --- time

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
    if (outlives_certificate()) {
        session_.on_certificate_expired();
        flush();
        return wake();
    }
    const auto silent = now - last_packet_at_;
    if (handshaking_) {
        if (silent <= with_.limits.handshake_timeout) return;
        ++with_.counters.handshakes_late;
        core::log::debug("handshake too slow", {{"peer", transport_->remote_address()}});
        abandon();
        return;
    }
    if (!session_.connected()) {
        if (session_.waiting()) { // login or claim is under way: it is us who are slow
            const bool cut = !with_.links.up() && with_.links.down_for() > with_.limits.link_grace;
            const bool late = silent > with_.limits.connect_timeout + with_.limits.link_grace; // an answer was lost
            if (member_ == nullptr || (!cut && !late)) return;
            session::claim_outcome outcome;
            outcome.reason = mqtt::reason_code::server_unavailable;
            outcome.text = store_unreachable;
            session_.on_claimed(outcome);
            flush();
            return wake();
        }
        if (silent > with_.limits.connect_timeout) {
            session_.on_connect_timeout();
            flush();
            wake();
        }
        return;
    }
    if (paused_) { // we do not read: the client cannot be blamed for silence
        last_packet_at_ = now;
        return check_progress(now);
    }
    if (keep_alive_s_ != 0 && silent > milliseconds(1500) * keep_alive_s_) {
        session_.on_keep_alive_expired();
        flush();
    }
    if (silent > seconds(30)) session_.release_idle_memory();
    check_progress(now);
}

} // namespace broker::edge
