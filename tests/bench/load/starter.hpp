// Starts connections to one server without waiting for any of them. Resolves the address once; keeps the TLS context
// and, where sessions shall be resumed, the last ticket.
#pragma once

#include "tests/bench/load/connection.hpp"
#include "tests/bench/load/options.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>

struct ssl_session_st;

namespace bench {

class starter {
  public:
    explicit starter(const options& given);
    ~starter();
    starter(const starter&) = delete;
    starter& operator=(const starter&) = delete;

    /// Empty when connections can be started.
    const std::string& problem() const noexcept { return problem_; }
    /// A connect under way, TLS prepared where wanted (its handshake comes when the socket is writable). Not open when
    /// the system refused at once; errno says why. Loopback sources take turns over `source_addresses`, because one
    /// address has 28,000 ports, and the search for a free one takes the longer the more are taken.
    connection start();
    bool tls() const noexcept { return context_ != nullptr; }

    /// Takes over what OpenSSL hands out; only for its callback.
    void remember(ssl_session_st* ticket) noexcept;

  private:
    void make_context();
    bool bind_source(int descriptor) noexcept;

    const options& options_;
    std::string problem_;
    sockaddr_storage address_{};
    socklen_t address_bytes_ = 0;
    ssl_ctx_st* context_ = nullptr;
    ssl_session_st* ticket_ = nullptr;
    std::uint32_t next_source_ = 0;
};

} // namespace bench
