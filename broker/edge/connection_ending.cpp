// How a connection ends: by its session, the process that stops, an operator, or the wish to be rid of it. And what an
// operator sees of it.
#include "broker/edge/connection.hpp"

#include "common/core/log.hpp"

#include <boost/asio/post.hpp>

namespace broker::edge {

namespace {

std::string_view name_of(record::authentication method) noexcept {
    switch (method) {
    case record::authentication::basic: return "basic";
    case record::authentication::x509: return "x509";
    default: return "none";
    }
}

std::string_view name_of(mqtt::protocol_version version) noexcept {
    switch (version) {
    case mqtt::protocol_version::v3_1: return "3.1";
    case mqtt::protocol_version::v3_1_1: return "3.1.1";
    case mqtt::protocol_version::v5: return "5.0";
    default: return "unknown";
    }
}

/// What a client may still send after it was told why its connection ends.
constexpr std::size_t linger_bytes_max = 1024 * 1024;

} // namespace

void connection::finish() {
    closed_ = true;
    if (!session_.closed()) session_.on_transport_closed();
    if (!lingering_) transport_->close();
    if (member_ != nullptr) {
        with_.links.leave(member_, will_);
        member_ = nullptr;
    }
    if (counted_) --with_.counters.clients[static_cast<std::size_t>(session_.version())];
    counted_ = false;
    if (admitted_) home_->leave(client_id_);
    if (device_) with_.certified.remove(this);
    logged_in_ = admitted_ = false;
    home_.reset();
}

void connection::close(session::close_reason reason, std::string_view log_text, bool publish_will) {
    closing_ = true;
    closing_since_ = with_.time.now();
    will_ = publish_will;
    tells_why_ = reason != session::close_reason::client_disconnected &&
                 reason != session::close_reason::transport_closed && reason != session::close_reason::connect_timeout;
    const auto index = static_cast<std::size_t>(reason);
    if (index < with_.counters.closed.size()) ++with_.counters.closed[index];
    // A connection that ends inside a packet is worth a line; one that is cut between packets is daily business.
    const bool cut = reason == session::close_reason::transport_closed && !stash_.empty();
    const bool orderly = reason == session::close_reason::client_disconnected ||
                         reason == session::close_reason::transport_closed || reason == session::close_reason::shutdown;
    if (orderly && !cut)
        core::log::debug("client gone",
                         {{"tenant", tenant()}, {"client", client_id_}, {"why", session::name_of(reason)}});
    else
        core::log::info("client closed", {{"tenant", tenant()},
                                          {"client", client_id_},
                                          {"peer", transport_->remote_address()},
                                          {"reason", session::name_of(reason)},
                                          {"why", log_text}});
    wake();
}

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

void connection::shut_down(bool at_once) {
    if (lingering_) transport_->close();
    if (closing_ || closed_) return;
    leaving_ = true;
    if (at_once || session_.publishes_in_flight() == 0) session_.on_shutdown();
    flush();
    wake();
}

void connection::disconnect_by_operator() {
    if (closing_ || closed_) return;
    session_.on_administrative_action();
    flush();
    wake();
}

void connection::abandon() {
    if (lingering_) transport_->close();
    if (closed_) return;
    closed_ = true;
    transport_->close();
    wake();
}

client_info connection::describe() const {
    client_info made;
    made.tenant = tenant();
    made.client_id = client_id_;
    made.user = user_;
    made.method = name_of(method_);
    made.version = name_of(session_.version());
    made.security = transport_->security().protocol;
    made.address = transport_->remote_address();
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(with_.time.now() - since_);
    made.connected_at_ms = with_.time.wall_ms() - age.count();
    made.keep_alive_s = keep_alive_s_;
    made.subscriptions = session_.subscriptions();
    made.publishes_in_flight = session_.publishes_in_flight();
    made.deliveries_in_flight = session_.deliveries_in_flight();
    made.outbox_bytes = outbox_.waiting();
    return made;
}

} // namespace broker::edge
