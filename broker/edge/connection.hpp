// One client: reads its socket, feeds its session, writes its outbox. The session decides, this acts. Shared by its own
// task and the listener's table; ends when its task ends.
#pragma once

#include "broker/edge/certified_clients.hpp"
#include "broker/edge/client_directory.hpp"
#include "broker/edge/outbox.hpp"
#include "broker/edge/reporter.hpp"
#include "broker/login/authenticator.hpp"
#include "broker/relay/relay.hpp"
#include "broker/session/session.hpp"
#include "broker/session/settings.hpp"
#include "broker/tenant/tenant_registry.hpp"
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
    std::chrono::milliseconds connect_timeout{10'000};   ///< from accept, or the end of the TLS handshake, to CONNECT
    std::chrono::milliseconds handshake_timeout{10'000}; ///< from accept to the end of the TLS handshake
    std::chrono::milliseconds packet_timeout{120'000};   ///< from a packet's first byte to its last
    std::chrono::milliseconds write_timeout{60'000};     ///< a client that takes nothing for so long is given up
    std::chrono::milliseconds link_grace{10'000};        ///< link down longer: new clients are refused
    std::uint64_t stream_bytes = 256 * 1024;             ///< byte credit of one client's stream
    std::size_t outbox_bytes = 256 * 1024;               ///< above: no credit, and its socket is not read
    std::uint32_t connections_max = 18'000;
    std::uint32_t handshakes_max = 256; ///< TLS handshakes at a time; more wait unaccepted
    bool close_at_certificate_end = true;
};

struct edge_counters {
    std::array<std::uint64_t, 2> accepted{}; ///< plain, TLS
    std::uint64_t refused_connections = 0;   ///< over connections_max
    std::uint64_t handshakes_full = 0;
    std::uint64_t handshakes_resumed = 0; ///< by a session ticket
    std::uint64_t handshakes_failed = 0;
    std::uint64_t handshakes_late = 0; ///< over handshake_timeout; counted among the failed ones, too
    std::uint32_t handshakes_now = 0;
    std::uint64_t accepting_paused = 0; ///< times that handshakes_max was reached
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    packet_counts packets_in{}; ///< by packet type
    packet_counts packets_out{};
    std::array<std::uint32_t, 6> clients{};    ///< connected now, by protocol version
    std::array<std::uint64_t, 32> closed{};    ///< by session::close_reason
    std::array<std::uint64_t, 256> refusals{}; ///< by reason code, packets the session refused
};

/// What all connections of the process share.
struct shared_parts {
    relay::relay& links;
    login::authenticator& logins;
    tenant::tenant_registry& tenants;
    const edge_limits& limits;
    const core::clock& time;
    edge_counters& counters;
    reporter& reports;
    std::vector<std::byte>& scratch; ///< read buffer: one for the process, because reads never wait
    bool stopping = false;
    ops::histogram* connect_seconds = nullptr; ///< CONNECT to CONNACK; may be null
    certified_clients certified{};
};

class connection final : public std::enable_shared_from_this<connection>,
                         private session::driver,
                         private relay::delivery_sink {
  public:
    connection(shared_parts& with, std::unique_ptr<net::transport> over);
    ~connection() override;

    /// TLS only, before `run`; a failed one is run all the same, and ends at once.
    asio::awaitable<void> handshake();
    /// Serves the client; resolves when everything of it is released.
    asio::awaitable<void> run();
    /// Once a second: keep alive, time before CONNECT, the end of its certificate (5.0: 0x87), a close that the peer
    /// does not take.
    void check(core::steady_time now);
    /// Takes no packet more, says goodbye (5.0: 0x8B) and closes as soon as every publish has its PUBACK; with
    /// `at_once` now.
    void shut_down(bool at_once);
    /// An operator's wish (5.0: 0x98).
    void disconnect_by_operator();
    /// Closes (5.0: 0x87) when the certificate the client came with would not be accepted now.
    void recheck(const auth::trust_source& trust);
    /// Closes without a word: the peer does not take one.
    void abandon();
    /// Releases everything of it, as `run` does at its end; idempotent.
    void finish();
    /// True while PUBACKs of a connection that shuts down are outstanding.
    bool owes_answers() const noexcept { return leaving_ && !closing_ && !closed_; }

    core::steady_time accepted_at() const noexcept { return since_; }
    /// Where the listener keeps it, and whether it counts as a handshake under way; the listener's business.
    std::size_t place = 0;
    bool holds_handshake_slot = false;

    client_info describe() const;
    bool connected() const noexcept { return session_.connected(); }
    /// Empty before login.
    std::string_view tenant() const noexcept { return home_ ? std::string_view(home_->id()) : std::string_view{}; }
    const std::string& client_id() const noexcept { return client_id_; }

  private:
    /// Bytes of one read; a full packet fits behind what is stashed.
    static constexpr std::size_t read_bytes = 64 * 1024;
    static constexpr std::string_view store_unreachable = "the store is not reachable; try again";

    // driver
    std::string& outbox() override { return outbox_.bytes(); }
    std::string fresh_client_id() override;
    void authenticate(const session::login_request& request) override;
    void claim(const session::claim_request& request) override;
    void connected(const session::connection_terms& terms) override;
    session::cause admit(const session::publish_request& request) override;
    bool publish(const session::publish_request& request, std::uint16_t packet_identifier) override;
    void subscribe(const session::subscribe_request& wanted, std::uint32_t request) override;
    void unsubscribe(std::string_view filter, std::uint32_t request) override;
    bool has_subscription(std::string_view filter) const override;
    void acknowledge(std::uint64_t position, std::uint32_t credit_bytes) override;
    void close(session::close_reason reason, std::string_view log_text, bool publish_will) override;
    void report(const session::refusal& what) override;
    // delivery_sink
    void on_claimed(msg_link::reason why) override;
    void on_evicted(msg_link::reason why) override;
    void on_settled(std::uint16_t packet_identifier, msg_link::reason why, std::string_view topic) override;
    void on_filter_done(std::uint32_t request, bool added, std::string_view filter, msg_link::reason why) override;
    void on_stream_ended(msg_link::reason why) override;
    session::delivery_result on_deliver(const session::delivery& message) override;
    void on_paced() override;
    void on_relay_progress() override;

    bool may_read() const;
    bool read_available();
    std::size_t decode(core::byte_span input);
    void decode_stash();
    void flush();
    asio::awaitable<void> drain(std::shared_ptr<connection> self);
    void on_logged_in(login::login_result result);
    void take_place(session::login_outcome& outcome);
    bool may_deliver(const session::delivery& message);
    void note_partial(bool partial, bool progressed);
    void check_progress(core::steady_time now);
    bool outlives_certificate() const;
    void say_farewell();
    asio::awaitable<void> linger();
    void wake() { wake_.notify(); }

    shared_parts& with_;
    std::unique_ptr<net::transport> transport_;
    session::session session_;
    edge::outbox outbox_;
    async::event wake_;
    relay::member* member_ = nullptr;
    std::string stash_; ///< the front of a packet that is not complete, or packets that wait for the session
    std::shared_ptr<tenant::tenant> home_;
    std::shared_ptr<const tenant::tenant_settings> settings_; ///< as they were at login
    std::string client_id_;
    std::string user_;
    record::authentication method_ = record::authentication::none;
    tenant::client_rates rates_;
    std::shared_ptr<const auth::device_identity> device_; ///< only with a certificate
    core::steady_time last_packet_at_;
    core::steady_time since_;           ///< accepted; from CONNECT on: that; from CONNACK on: connected
    core::steady_time partial_since_{}; ///< while `partial_`
    core::steady_time taken_at_{};      ///< while `draining_`: when the socket last took something
    core::steady_time closing_since_{};
    std::uint32_t keep_alive_s_ = 0;
    std::uint32_t connect_bytes_ = 0;                               ///< of the CONNECT packet
    std::vector<std::pair<std::uint32_t, std::uint8_t>> asked_qos_; ///< granted QoS of filters without answer
    bool logged_in_ = false;                                        ///< known and allowed by its tenant
    bool admitted_ = false;                                         ///< counts among the tenant's connections
    bool partial_ = false;                                          ///< the stash ends inside a packet
    bool spent_ = false;                                            ///< whole packets wait for the next turn
    bool draining_ = false;
    bool closing_ = false;
    bool closed_ = false;
    bool tells_why_ = false; ///< the end is ours, and the client shall be able to read the reason
    bool lingering_ = false;
    bool will_ = true;
    bool in_session_ = false;
    bool credit_held_ = false;
    bool paused_ = false;
    bool handshaking_ = false;
    bool leaving_ = false;
    bool counted_ = false; ///< among the connected clients
};

} // namespace broker::edge
