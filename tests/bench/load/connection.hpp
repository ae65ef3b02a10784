// One MQTT connection of the generator: a socket, TLS where asked for. It is dialled blocking (many at once, so that
// the server works on all of them), then switched to non-blocking. Owns descriptor and TLS state.
#pragma once

#include "tests/bench/load/options.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace bench {

/// Long: nobody here sends pings.
constexpr std::uint16_t keep_alive_s = 600;

enum class io_state { done, would_block, closed };

struct io_result {
    io_state state = io_state::done;
    std::size_t bytes = 0;
};

class connection {
  public:
    connection() = default;
    explicit connection(int descriptor) noexcept : descriptor_(descriptor) {}
    connection(connection&& from) noexcept;
    connection& operator=(connection&& from) noexcept;
    ~connection();

    bool is_open() const noexcept { return descriptor_ >= 0; }
    int descriptor() const noexcept { return descriptor_; }
    void close() noexcept;
    /// Blocking TLS client handshake; false when it failed.
    bool start_tls(ssl_ctx_st* context);
    /// For a non-blocking descriptor: gets ready, then goes on as far as the socket lets it. `resume` may be null.
    bool prepare_tls(ssl_ctx_st* context, ssl_session_st* resume);
    io_state continue_tls() noexcept;
    void set_blocking(bool blocking) noexcept;
    /// DISCONNECT and the end of the stream in one segment, where the socket takes it.
    void disconnect() noexcept;

    io_result read_some(char* to, std::size_t size) noexcept;
    io_result write_some(const char* from, std::size_t size) noexcept;
    /// TLS may hold decrypted bytes that never make the socket readable again.
    bool has_buffered() const noexcept;
    bool write_all(std::string_view bytes) noexcept;
    /// Blocking; the whole packet in `into`, false when the peer closed or the time ran out.
    bool read_packet(std::string& into) noexcept;

  private:
    bool read_exactly(char* to, std::size_t size) noexcept;

    int descriptor_ = -1;
    ssl_st* tls_ = nullptr;
};

struct dial_request {
    std::string client_id;
    std::vector<std::string> filters; ///< Empty: no SUBSCRIBE.
    unsigned qos = 0;
    int receive_buffer_bytes = 0; ///< 0: the system's.
};

struct dial_result {
    connection socket;
    std::string problem; ///< Empty: connected, subscribed, non-blocking.
};

/// Encrypts without checking the certificate. The caller frees it.
ssl_ctx_st* client_tls_context();

/// Opens connections to one server; keeps the TLS context.
class dialler {
  public:
    explicit dialler(const options& given);
    ~dialler();
    /// All at once: connect each, send all CONNECTs, take all CONNACKs, then the same for SUBSCRIBE.
    std::vector<dial_result> dial(const std::vector<dial_request>& requests);

  private:
    dial_result open(const dial_request& request);

    const options& options_;
    ssl_ctx_st* context_ = nullptr;
};

} // namespace bench
