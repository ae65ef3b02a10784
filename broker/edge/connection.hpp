// One client: reads its socket, feeds its session, writes its outbox. The session decides, this acts. Shared by its own
// task and the listener's table; ends when its task ends.
#pragma once

#include "broker/edge/outbox.hpp"
#include "broker/login/authenticator.hpp"
#include "broker/relay/relay.hpp"
#include "broker/session/session.hpp"
#include "broker/session/settings.hpp"
#include "common/async/event.hpp"
#include "common/core/clock.hpp"
#include "common/net/transport.hpp"
#include "common/ops/metrics.hpp"

#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace broker::edge {

namespace asio = boost::asio;

/// Limits of the process; see deploy/config/broker.yaml.
struct edge_limits {
    std::chrono::milliseconds connect_timeout{10'000}; ///< from accept to CONNECT, TLS handshake included
    std::chrono::milliseconds link_grace{10'000};      ///< link down longer: new clients are refused
    std::uint64_t stream_bytes = 256 * 1024;           ///< byte credit of one client's stream
    std::size_t outbox_bytes = 256 * 1024;             ///< above: no credit, and its socket is not read
    std::uint32_t connections_max = 18'000;
    std::uint32_t handshakes_max = 256; ///< TLS handshakes at a time
};

struct edge_counters {
    std::uint64_t accepted = 0;
    std::uint64_t refused_connections = 0; ///< over connections_max
    std::uint64_t handshakes_failed = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t packets_in = 0;
    std::array<std::uint64_t, 32> closed{};    ///< by session::close_reason
    std::array<std::uint64_t, 256> refusals{}; ///< by reason code, packets the session refused
};

/// What all connections of the process share.
struct shared_parts {
    relay::relay& links;
    login::authenticator& logins;
    const session::session_settings& settings;
    const edge_limits& limits;
    const core::clock& time;
    edge_counters& counters;
    std::vector<std::byte>& scratch; ///< read buffer: one for the process, because reads never wait
    bool stopping = false;
};

class connection final : public std::enable_shared_from_this<connection>,
                         private session::driver,
                         private relay::delivery_sink {
  public:
    connection(shared_parts& with, std::unique_ptr<net::transport> over);
    ~connection() override;

    /// Serves the client; resolves when everything of it is released.
    asio::awaitable<void> run(bool handshake);
    /// Once a second: keep alive, time before CONNECT, a close that the peer does not take.
    void check(core::steady_time now);
    /// Says goodbye (5.0: 0x8B) and closes.
    void shut_down();

    bool connected() const noexcept { return session_.connected(); }
    const std::string& tenant() const noexcept { return tenant_; }
    const std::string& client_id() const noexcept { return client_id_; }

  private:
    // driver
    std::string& outbox() override { return outbox_.bytes(); }
    std::string fresh_client_id() override;
    void authenticate(const session::login_request& request) override;
    void claim(const session::claim_request& request) override;
    void connected(const session::connection_terms& terms) override;
    bool publish(const session::publish_request& request, std::uint16_t packet_identifier) override;
    void subscribe(std::string_view filter, std::uint8_t qos, std::uint32_t request) override;
    void unsubscribe(std::string_view filter, std::uint32_t request) override;
    bool has_subscription(std::string_view filter) const override;
    void acknowledge(std::uint64_t position, std::uint32_t credit_bytes) override;
    void close(session::close_reason reason, std::string_view log_text, bool publish_will) override;
    void report(const session::refusal& what) override;
    // delivery_sink
    void on_claimed(msg_link::reason why) override;
    void on_evicted(msg_link::reason why) override;
    void on_settled(std::uint16_t packet_identifier, msg_link::reason why) override;
    void on_filter_done(std::uint32_t request, bool added, msg_link::reason why) override;
    void on_stream_ended(msg_link::reason why) override;
    session::delivery_result on_deliver(const session::delivery& message) override;
    void on_relay_progress() override;

    bool may_read() const;
    bool read_available();
    std::size_t decode(core::byte_span input);
    void decode_stash();
    void flush();
    asio::awaitable<void> drain(std::shared_ptr<connection> self);
    void on_logged_in(login::login_result result);
    void say_farewell();
    asio::awaitable<void> linger();
    void finish();
    void wake() { wake_.notify(); }

    shared_parts& with_;
    std::unique_ptr<net::transport> transport_;
    session::session session_;
    edge::outbox outbox_;
    async::event wake_;
    relay::member* member_ = nullptr;
    std::string stash_; ///< the front of a packet that is not complete, or packets that wait for the session
    std::string tenant_;
    std::string client_id_;
    std::string user_;
    record::authentication method_ = record::authentication::none;
    core::steady_time last_packet_at_;
    core::steady_time closing_since_{};
    std::uint32_t keep_alive_s_ = 0;
    std::vector<std::pair<std::uint32_t, std::uint8_t>> asked_qos_; ///< granted QoS of filters without answer
    bool draining_ = false;
    bool closing_ = false;
    bool closed_ = false;
    bool tells_why_ = false; ///< the end is ours, and the client shall be able to read the reason
    bool lingering_ = false;
    bool will_ = true;
    bool in_session_ = false;
    bool credit_held_ = false;
    bool paused_ = false;
};

} // namespace broker::edge
