// Small writes of one turn of the event loop, sent as one: a WebSocket frame of twenty bytes costs a system call
// otherwise. Between Beast, which writes frame by frame, and the transport. One thread; shared by a stream and its
// operations.
#pragma once

#include "common/async/turn_call.hpp"
#include "common/net/socket_transport.hpp"

#include <memory>
#include <span>
#include <string>

namespace net {

class write_cork : public std::enable_shared_from_this<write_cork> {
  public:
    /// Without `coalesce` it holds nothing back, ever.
    write_cork(std::shared_ptr<socket_transport> over, bool coalesce);

    /// Takes the pieces, to be sent at the end of this turn; false: they are to be written by the caller, now.
    bool take(std::span<const core::byte_span> pieces);
    /// Takes the pieces whatever their size, to be sent at the end of this turn. False, nothing taken: full, or an
    /// error.
    bool take_now(std::span<const core::byte_span> pieces);
    /// So much waits that the writer shall wait, too.
    bool full() const noexcept { return waiting() >= bytes_max; }
    bool empty() const noexcept { return waiting() == 0; }
    /// Sends what the socket takes. True when nothing is left, or nothing can be sent any more.
    bool flush();
    /// Why nothing can be sent any more.
    const core::error_code& error() const noexcept { return error_; }

    /// A write that is larger goes its own way.
    static constexpr std::size_t small_bytes = 4096;
    static constexpr std::size_t bytes_max = 64 * 1024;
    static constexpr unsigned turns_max = 64;

  private:
    std::size_t waiting() const noexcept { return held_.size() - sent_; }
    void turn_ended();

    std::shared_ptr<socket_transport> transport_;
    const bool coalesce_;
    std::string held_;
    std::size_t sent_ = 0;
    bool grew_ = false;
    unsigned turns_held_ = 0;
    bool waits_ = false; ///< for the socket to take more
    core::error_code error_;
    async::turn_call turn_;
};

} // namespace net
