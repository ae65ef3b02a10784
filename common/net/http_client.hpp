// HTTP/1.1 requests over pooled keep-alive connections, per origin (scheme, host, port). One thread; any number of
// requests at a time: more than the pool holds wait in order. Used for the platform's REST API.
#pragma once

#include "common/core/error.hpp"
#include "common/net/http.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace net {

namespace asio = boost::asio;

struct http_client_options {
    std::size_t connections_per_origin_max = 16;
    std::size_t waiting_per_origin_max = 1024;
    std::size_t body_bytes_max = 16 * 1024 * 1024;
    std::uint32_t header_bytes_max = 32 * 1024;
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds request_timeout{30'000}; ///< when the request names none; from sending to the last byte
    std::chrono::milliseconds idle_timeout{30'000};    ///< an unused connection older than this is not used again
    std::string ca_file;                               ///< PEM; empty: the system's trust anchors

    http_client_options() = default;
};

struct http_request_out {
    std::string method = "GET";
    std::string url; ///< absolute: http://host:port/path?query
    http_headers headers;
    std::string body;
    std::chrono::milliseconds timeout{0}; ///< 0: the client's

    http_request_out() = default;
    http_request_out(std::string verb, std::string to) : method(std::move(verb)), url(std::move(to)) {}
};

struct http_client_counters {
    std::uint64_t requests = 0;
    std::uint64_t connects = 0;
    std::uint64_t retries = 0; ///< repeated because a pooled connection turned out to be dead
};

class http_client {
  public:
    http_client(asio::any_io_executor executor, http_client_options options);
    /// Requests must have ended: `stop()`, then await them.
    ~http_client();
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    /// The server's answer, whatever its status. Repeated once on a new connection when a pooled one ended before any
    /// byte of an answer and the method is idempotent (GET, HEAD, PUT, DELETE, OPTIONS) or nothing was sent.
    /// Errors: `errc::timeout`, `errc::queue_full`, `errc::bad_url`, `errc::bad_response`, `errc::response_too_large`,
    /// `errc::certificate_refused`, `errc::bad_certificate_file`, `errc::stopped`, Asio's codes.
    asio::awaitable<core::result<http_response>> request(http_request_out request);

    /// Closes all connections; pending and later requests fail.
    void stop();

    const http_client_counters& counters() const noexcept;

  private:
    class state;
    std::shared_ptr<state> state_;
};

} // namespace net
