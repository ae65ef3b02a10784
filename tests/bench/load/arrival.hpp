// One client on its way in, without blocking: TCP, TLS where prepared, CONNECT and its answer, SUBSCRIBE and its
// answer.
#pragma once

#include "tests/bench/load/connection.hpp"

#include <cstdint>
#include <string>

namespace bench {

class arrival {
  public:
    enum class state { under_way, in, failed };

    /// `subscribe` may be empty: then CONNACK is the end of the way. `qos` is what the one filter must be granted.
    arrival(connection socket, bool tls, std::string connect, std::string subscribe, unsigned qos);

    /// As far as the socket lets it, until it would block; call it at once and whenever the socket changed.
    state advance();
    /// Why it failed.
    const std::string& problem() const noexcept { return problem_; }
    /// Something is left to write, or TLS may have to.
    bool may_write() const noexcept { return stage_ == stage::securing || out_from_ < out_.size(); }
    bool is_in() const noexcept { return stage_ == stage::in; }
    connection& socket() noexcept { return socket_; }
    std::uint64_t begun_ns() const noexcept { return begun_ns_; }
    /// When the TLS handshake was complete; 0 without TLS.
    std::uint64_t secured_ns() const noexcept { return secured_ns_; }

  private:
    enum class stage { securing, connecting, subscribing, in };

    /// Writes what is left of the question, and when called again reads an answer of `size` bytes.
    io_state exchange(std::size_t size);
    state on_secured();
    state on_connack();
    state on_suback();
    state fail(std::string why);
    /// The connection ended; when it never was one, the system's reason stands in errno.
    state ended(const char* where);

    connection socket_;
    stage stage_;
    bool tls_;
    unsigned qos_;
    std::string out_;
    std::string subscribe_;
    std::size_t out_from_ = 0;
    char answer_[5] = {};
    std::size_t answered_ = 0;
    std::string problem_;
    std::uint64_t begun_ns_;
    std::uint64_t secured_ns_ = 0;
};

} // namespace bench
