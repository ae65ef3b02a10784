#include "common/net/http_server.hpp"

#include "common/async/task_group.hpp"
#include "common/async/tokens.hpp"
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "common/net/acceptor.hpp"
#include "common/net/socket_transport.hpp"
#include "common/net/websocket_stream.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <algorithm>
#include <list>

namespace net {

namespace {

namespace http = boost::beast::http;
using request_parser = http::request_parser<http::string_body>;
using clock = std::chrono::steady_clock;

/// After a refusal: how much of what the peer still sends is thrown away so that it can read the answer.
constexpr std::size_t linger_bytes_max = 1024 * 1024;
constexpr std::chrono::milliseconds linger_time{1000};
/// A buffer larger than this is given back between requests.
constexpr std::size_t kept_bytes_max = 64 * 1024;

std::span<std::byte> scratch() noexcept {
    static thread_local std::byte bytes[64 * 1024];
    return bytes;
}

struct connection {
    std::unique_ptr<socket_transport> transport;
    std::string remote;
    std::string input; ///< received, from `used` on not parsed yet
    std::size_t used = 0;
    std::string output;
    core::steady_time deadline = core::steady_time::max(); ///< the sweep closes what is late
    bool timed_out = false;

    void allow(std::chrono::milliseconds time) { deadline = clock::now() + time; }
    std::string_view pending() const noexcept { return std::string_view(input).substr(used); }
    void consume(std::size_t bytes) {
        used += bytes;
        if (used < input.size()) return;
        input.clear();
        used = 0;
    }
};

enum class read_outcome { request, ended, malformed };

http_request to_request(const upgrade_request& from) {
    http_request made;
    made.method = std::string(from.method_string());
    std::vector<http_headers::entry> headers;
    for (const auto& field : from) headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    made.headers = http_headers(std::move(headers));
    return made;
}

/// A header must not smuggle another one, nor a body.
void append_header(std::string& out, std::string_view name, std::string_view value) {
    const auto safe = [](char c) { return c != '\r' && c != '\n' && c != '\0'; };
    std::copy_if(name.begin(), name.end(), std::back_inserter(out), safe);
    out += ": ";
    std::copy_if(value.begin(), value.end(), std::back_inserter(out), safe);
    out += "\r\n";
}

void append_response(std::string& out, const http_response& response, bool keep_alive, bool with_body) {
    out += "HTTP/1.1 ";
    out += std::to_string(response.status);
    out += ' ';
    out += reason_phrase(response.status);
    out += "\r\n";
    if (!response.content_type.empty()) append_header(out, "Content-Type", response.content_type);
    for (const auto& [name, value] : response.headers.entries()) append_header(out, name, value);
    // RFC 9110 §8.6: no length with 1xx and 204.
    if (response.status >= 200 && response.status != 204) {
        append_header(out, "Content-Length", std::to_string(response.body.size()));
    }
    if (!keep_alive) out += "Connection: close\r\n";
    out += "\r\n";
    if (with_body && response.status != 204 && response.status != 304) out += response.body;
}

http_response refusal_of(const core::error_code& error) {
    if (error == http::error::header_limit)
        return error_response(431, "http/headersTooLarge", "The request headers are too large.");
    if (error == http::error::body_limit)
        return error_response(413, "http/bodyTooLarge", "The request body is too large.");
    return error_response(400, "http/badRequest", "The request is not valid HTTP: " + error.message());
}

} // namespace

class http_server::state {
  public:
    state(asio::any_io_executor executor, http_server_options options, http_handler handler, upgrade_handler upgrade)
        : options_(std::move(options)), handler_(std::move(handler)), upgrade_(std::move(upgrade)), sweep_(executor),
          acceptor_(executor, listen_options(options_)), tasks_(executor, options_.name) {}

    core::result<void> open() {
        if (auto opened = acceptor_.open(); opened.has_error()) return opened;
        tasks_.spawn("accept", accept());
        tasks_.spawn("sweep", sweep());
        return {};
    }

    asio::awaitable<void> stop() {
        acceptor_.close();
        sweep_.cancel();
        tasks_.stop();
        for (auto* each : connections_)
            if (each->transport) each->transport->close();
        co_await tasks_.join();
    }

    std::uint16_t port() const noexcept { return acceptor_.port(); }
    const http_server_counters& counters() const noexcept { return counters_; }
    std::size_t connection_count() const noexcept { return connections_.size(); }

  private:
    static acceptor_options listen_options(const http_server_options& from) {
        acceptor_options made;
        made.address = from.address;
        made.port = from.port;
        made.tls = from.tls;
        return made;
    }

    asio::awaitable<void> accept() {
        for (;;) {
            auto accepted = co_await acceptor_.accept_socket();
            if (accepted.has_error()) co_return;
            ++counters_.connections;
            if (connections_.size() >= options_.connections_max) {
                ++counters_.refused;
                continue;
            }
            tasks_.spawn("connection", serve(std::move(*accepted)));
        }
    }

    /// One timer for all connections: a timer operation per request would cost more than answering it.
    asio::awaitable<void> sweep() {
        const auto shortest = std::min({options_.handshake_timeout, options_.request_timeout, options_.idle_timeout});
        const auto pace = std::clamp(shortest / 4, std::chrono::milliseconds(10), std::chrono::milliseconds(1000));
        for (;;) {
            sweep_.expires_after(pace);
            auto [error] = co_await sweep_.async_wait(async::as_result);
            if (error) co_return;
            const auto now = clock::now();
            for (auto* each : connections_) {
                if (each->deadline > now || !each->transport) continue;
                each->timed_out = true;
                each->transport->close();
            }
        }
    }

    /// Registers a connection for `sweep` and `stop` as long as its task lives.
    struct registration {
        registration(std::list<connection*>& in, connection& of) : list(in), at(in.insert(in.end(), &of)) {}
        ~registration() { list.erase(at); }
        registration(const registration&) = delete;
        registration& operator=(const registration&) = delete;
        std::list<connection*>& list;
        std::list<connection*>::iterator at;
    };

    asio::awaitable<void> serve(std::unique_ptr<socket_transport> over) {
        connection peer;
        peer.transport = std::move(over);
        peer.remote = peer.transport->remote_address();
        const registration registered(connections_, peer);
        peer.allow(options_.handshake_timeout);
        const auto failed = co_await peer.transport->handshake();
        if (failed) {
            core::log::debug("handshake failed",
                             {{"server", options_.name}, {"peer", peer.remote}, {"reason", failed.message()}});
        } else {
            bool more = true;
            while (more) more = co_await serve_one(peer);
        }
        if (peer.timed_out) ++counters_.timed_out;
    }

    /// One request and its answer; false when the connection is over.
    asio::awaitable<bool> serve_one(connection& peer) {
        request_parser parser;
        parser.header_limit(options_.header_bytes_max);
        parser.body_limit(options_.body_bytes_max);
        parser.eager(true);
        core::error_code wrong;
        const auto outcome = co_await read_request(peer, parser, wrong);
        if (outcome == read_outcome::ended) co_return false;
        peer.deadline = core::steady_time::max();
        if (outcome == read_outcome::malformed) {
            co_await refuse(peer, refusal_of(wrong));
            co_return false;
        }
        const bool keep_alive = parser.keep_alive();
        const bool is_upgrade = boost::beast::websocket::is_upgrade(parser.get());
        upgrade_request raw = parser.release();
        http_request request = to_request(raw);
        request.remote_address = peer.remote;
        if (!parse_target(std::string_view(raw.target().data(), raw.target().size()), request)) {
            co_await refuse(peer, error_response(400, "http/badRequest", "The request target is malformed."));
            co_return false;
        }
        if (is_upgrade) {
            co_await serve_upgrade(peer, std::move(raw), std::move(request));
            co_return false;
        }
        request.body = std::move(raw.body());
        const bool with_body = request.method != "HEAD";
        http_response response = co_await answer(std::move(request));
        const bool sent = co_await respond(peer, response, keep_alive, with_body);
        co_return sent&& keep_alive;
    }

    asio::awaitable<read_outcome> read_request(connection& peer, request_parser& parser, core::error_code& wrong) {
        bool begun = false;
        bool continued = false;
        peer.allow(options_.idle_timeout);
        for (;;) {
            if (!peer.pending().empty()) {
                if (!begun) peer.allow(options_.request_timeout);
                begun = true;
                const auto pending = peer.pending();
                peer.consume(parser.put(asio::buffer(pending.data(), pending.size()), wrong));
                if (wrong == http::error::need_more) wrong = {};
                if (wrong) co_return read_outcome::malformed;
                if (parser.is_done()) co_return read_outcome::request;
                if (parser.is_header_done() && !continued) {
                    continued = true;
                    if (equal_nocase(std::string_view(parser.get()[http::field::expect]), "100-continue")) {
                        const bool sent = co_await send(peer, "HTTP/1.1 100 Continue\r\n\r\n");
                        if (!sent) co_return read_outcome::ended;
                    }
                }
            }
            const bool more = co_await receive(peer);
            if (!more) co_return read_outcome::ended;
        }
    }

    /// Appends what the socket has; false at its end.
    asio::awaitable<bool> receive(connection& peer) {
        for (;;) {
            const auto error = co_await peer.transport->wait_readable();
            if (error) co_return false;
            const io_result got = peer.transport->read_some(scratch());
            if (got.error) co_return false;
            if (got.would_block) continue;
            // What was parsed is dropped here, so that pipelined requests do not move the rest each time.
            if (peer.used != 0) peer.input.erase(0, peer.used);
            peer.used = 0;
            peer.input.append(reinterpret_cast<const char*>(scratch().data()), got.bytes);
            co_return true;
        }
    }

    asio::awaitable<bool> send(connection& peer, std::string_view bytes) {
        while (!bytes.empty()) {
            const io_result put = peer.transport->write_some(core::as_bytes(bytes));
            if (put.error) co_return false;
            bytes.remove_prefix(put.bytes);
            if (!put.would_block) continue;
            peer.allow(options_.request_timeout);
            const auto error = co_await peer.transport->wait_writable();
            if (error) co_return false;
        }
        co_return true;
    }

    asio::awaitable<bool> respond(connection& peer, const http_response& response, bool keep_alive, bool with_body) {
        peer.output.clear();
        append_response(peer.output, response, keep_alive, with_body);
        const bool sent = co_await send(peer, peer.output);
        if (peer.output.capacity() > kept_bytes_max) std::string().swap(peer.output);
        if (peer.input.empty() && peer.input.capacity() > kept_bytes_max) std::string().swap(peer.input);
        if (sent && !keep_alive) co_await linger(peer);
        co_return sent;
    }

    /// For requests the server itself refuses; one line in the log.
    asio::awaitable<void> refuse(connection& peer, http_response response) {
        ++counters_.malformed;
        core::log::warn(
            "request refused",
            {{"server", options_.name}, {"peer", peer.remote}, {"status", response.status}, {"reason", response.body}});
        (void)co_await respond(peer, response, false, true); // the connection ends either way
    }

    /// Closing with unread input would reset the connection and could take the answer with it.
    asio::awaitable<void> linger(connection& peer) {
        peer.transport->shutdown_send();
        peer.allow(linger_time);
        std::size_t discarded = peer.pending().size();
        while (discarded < linger_bytes_max) {
            const io_result got = peer.transport->read_some(scratch());
            if (got.error) co_return;
            discarded += got.bytes;
            if (!got.would_block) continue;
            const auto error = co_await peer.transport->wait_readable();
            if (error) co_return;
        }
    }

    asio::awaitable<http_response> answer(http_request request) {
        ++counters_.requests;
        http_response response(500);
        try {
            response = co_await handler_(std::move(request));
        } catch (const std::exception& error) {
            if (tasks_.stopping()) throw;
            core::log::error("handler failed", {{"server", options_.name}, {"reason", error.what()}});
            response = error_response(500, "http/internalError", "The request could not be handled.");
        }
        co_return response;
    }

    asio::awaitable<void> serve_upgrade(connection& peer, upgrade_request raw, http_request request) {
        peer.deadline = core::steady_time::max();
        if (!peer.pending().empty()) {
            co_await refuse(peer, error_response(400, "http/badRequest", "Nothing may follow an upgrade request."));
            co_return;
        }
        upgrade_decision decision(error_response(404, "http/notFound", "No WebSocket is served here."));
        if (upgrade_) decision = co_await upgrade_(std::move(request));
        if (decision.refusal) {
            (void)co_await respond(peer, *decision.refusal, false, true); // the connection ends either way
            co_return;
        }
        auto accepted = co_await websocket_accept(std::move(peer.transport), std::move(raw), decision.options);
        if (accepted.has_error()) co_return;
        ++counters_.upgraded;
        co_await decision.serve(std::move(*accepted));
    }

    http_server_options options_;
    http_handler handler_;
    upgrade_handler upgrade_;
    http_server_counters counters_;
    asio::steady_timer sweep_;
    acceptor acceptor_;
    std::list<connection*> connections_;
    async::task_group tasks_;
};

http_server::http_server(asio::any_io_executor executor, http_server_options options, http_handler handler,
                         upgrade_handler upgrade)
    : state_(std::make_unique<state>(std::move(executor), std::move(options), std::move(handler), std::move(upgrade))) {
}

http_server::~http_server() = default;

core::result<void> http_server::open() { return state_->open(); }
std::uint16_t http_server::port() const noexcept { return state_->port(); }
asio::awaitable<void> http_server::stop() { return state_->stop(); }
const http_server_counters& http_server::counters() const noexcept { return state_->counters(); }
std::size_t http_server::connection_count() const noexcept { return state_->connection_count(); }

} // namespace net
