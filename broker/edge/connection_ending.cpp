// How others end a connection: the process that stops, an operator, or the wish to be rid of it. And what an operator
// sees of it.
#include "broker/edge/connection.hpp"

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

} // namespace

void connection::shut_down(bool at_once) {
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
