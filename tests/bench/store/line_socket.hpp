// A TCP connection to a server that speaks lines, for the peers' text protocols: gathers what is sent, hands out what
// came.
#pragma once

#include "tests/bench/store/target.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace bench::store {

class line_socket {
  public:
    line_socket() = default;
    line_socket(const line_socket&) = delete;
    line_socket& operator=(const line_socket&) = delete;
    ~line_socket() {
        if (fd_ >= 0) ::close(fd_);
    }

    void connect(std::uint16_t port) {
        fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd_ < 0 || ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
            throw problem(std::string("cannot connect: ") + std::strerror(errno));
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    int descriptor() const noexcept { return fd_; }
    std::string& out() noexcept { return out_; }

    void flush() {
        std::size_t sent = 0;
        while (sent < out_.size()) {
            // What came is read in between, so that two full buffers never wait for each other.
            pollfd ready{fd_, POLLIN | POLLOUT, 0};
            ::poll(&ready, 1, -1);
            if ((ready.revents & POLLIN) != 0) receive();
            if ((ready.revents & POLLOUT) == 0) continue;
            const auto count = ::send(fd_, out_.data() + sent, out_.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (count < 0 && errno != EAGAIN) throw problem(std::string("send: ") + std::strerror(errno));
            if (count > 0) sent += static_cast<std::size_t>(count);
        }
        out_.clear();
    }
    /// Adds what the kernel has, if anything.
    void receive() {
        if (taken_ > 0) {
            in_.erase(0, std::exchange(taken_, 0));
        }
        const std::size_t before = in_.size();
        in_.resize(before + 256 * 1024);
        const auto count = ::recv(fd_, in_.data() + before, in_.size() - before, MSG_DONTWAIT);
        if (count == 0) throw problem("the server closed the connection");
        if (count < 0 && errno != EAGAIN) throw problem(std::string("recv: ") + std::strerror(errno));
        in_.resize(before + (count > 0 ? static_cast<std::size_t>(count) : 0));
    }
    void wait_and_receive(int milliseconds) {
        pollfd ready{fd_, POLLIN, 0};
        if (::poll(&ready, 1, milliseconds) > 0) receive();
    }

    std::string_view pending() const noexcept { return std::string_view(in_).substr(taken_); }
    void take(std::size_t bytes) noexcept { taken_ += bytes; }

  private:
    int fd_ = -1;
    std::string out_;
    std::string in_;
    std::size_t taken_ = 0;
};

} // namespace bench::store
