#include "common/net/http_client.hpp"

#include "common/async/event.hpp"
#include "common/async/timeout.hpp"
#include "common/net/acceptor.hpp"
#include "common/net/error.hpp"
#include "common/net/socket_transport.hpp"
#include "common/net/url.hpp"

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <optional>

namespace net {

namespace {

namespace http = boost::beast::http;
using response_parser = http::response_parser<http::string_body>;
using clock = std::chrono::steady_clock;

std::span<std::byte> scratch() noexcept {
    static thread_local std::byte bytes[64 * 1024];
    return bytes;
}

bool idempotent(std::string_view method) noexcept {
    for (const std::string_view known : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
        if (method == known) return true;
    return false;
}

bool one_line(std::string_view text) noexcept { return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos; }

core::error_code write_request(std::string& out, const http_request_out& request, const url& to) {
    if (!one_line(request.method)) return errc::bad_url;
    out = request.method + " " + to.target + " HTTP/1.1\r\n";
    if (!request.headers.has("Host")) out += "Host: " + to.authority() + "\r\n";
    for (const auto& [name, value] : request.headers.entries()) {
        if (!one_line(name) || !one_line(value)) return errc::bad_url;
        out += name + ": " + value + "\r\n";
    }
    const bool carries_body = !request.body.empty() || request.method == "POST" || request.method == "PUT";
    if (carries_body) out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    out += "\r\n";
    out += request.body;
    return {};
}

/// One request on one connection, and what became of it.
struct exchange {
    socket_transport& over;
    std::string bytes;
    bool head_only = false;
    bool sent_some = false;
    bool got_some = false;
    bool reusable = false;
    http_response response;
    core::error_code error;
};

core::error_code translate(const core::error_code& error) {
    if (error == http::error::body_limit || error == http::error::header_limit) return errc::response_too_large;
    return errc::bad_response;
}

asio::awaitable<core::error_code> send(exchange& in) {
    std::string_view left = in.bytes;
    while (!left.empty()) {
        const io_result put = in.over.write_some(core::as_bytes(left));
        if (put.error) co_return put.error;
        if (put.bytes != 0) in.sent_some = true;
        left.remove_prefix(put.bytes);
        if (!put.would_block) continue;
        const auto error = co_await in.over.wait_writable();
        if (error) co_return error;
    }
    co_return core::error_code();
}

/// Reads until the parser has a whole response. `input` holds what was received and not parsed yet.
asio::awaitable<core::error_code> receive(exchange& in, response_parser& parser, std::string& input) {
    for (;;) {
        core::error_code error;
        if (!input.empty()) {
            input.erase(0, parser.put(asio::buffer(input.data(), input.size()), error));
            if (error == http::error::need_more) error = {};
            if (error) co_return translate(error);
            if (parser.is_done()) co_return error;
        }
        const io_result got = in.over.read_some(scratch());
        if (got.bytes != 0) {
            in.got_some = true;
            input.append(reinterpret_cast<const char*>(scratch().data()), got.bytes);
            continue;
        }
        if (got.error == asio::error::eof && in.got_some) {
            parser.put_eof(error);
            if (error) co_return make_error_code(errc::bad_response);
            if (parser.is_done()) co_return error;
        }
        if (got.error) co_return got.error;
        const auto waited = co_await in.over.wait_readable();
        if (waited) co_return waited;
    }
}

void take_response(exchange& in, response_parser& parser) {
    in.reusable = parser.keep_alive() && !parser.need_eof();
    auto message = parser.release();
    in.response.status = message.result_int();
    std::vector<http_headers::entry> headers;
    for (const auto& field : message)
        headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    in.response.headers = http_headers(std::move(headers));
    in.response.content_type = std::string(in.response.headers.get("Content-Type"));
    in.response.body = std::move(message.body());
}

asio::awaitable<void> run(exchange& in, const http_client_options& options) {
    in.error = co_await send(in);
    if (in.error == asio::error::operation_aborted) co_return;
    // A server may refuse early, close, and have said why: the answer counts, not our failed write.
    const bool all_sent = !in.error;
    std::string input;
    for (;;) {
        response_parser parser;
        parser.eager(true);
        parser.skip(in.head_only);
        parser.header_limit(options.header_bytes_max);
        parser.body_limit(options.body_bytes_max);
        const auto error = co_await receive(in, parser, input);
        if (error) {
            if (all_sent || in.got_some) in.error = error;
            co_return;
        }
        // RFC 9110 §15.2: interim answers precede the real one.
        if (parser.get().result_int() / 100 == 1) continue;
        take_response(in, parser);
        in.error = {};
        in.reusable = in.reusable && all_sent && input.empty();
        co_return;
    }
}

} // namespace

class http_client::state {
  public:
    state(asio::any_io_executor executor, http_client_options options)
        : executor_(std::move(executor)), options_(std::move(options)) {}

    asio::awaitable<core::result<http_response>> request(http_request_out request) {
        if (stopped_) co_return make_error_code(errc::stopped);
        auto to = parse_url(request.url);
        if (to.has_error()) co_return to.error();
        if (to->scheme != "http" && to->scheme != "https") co_return make_error_code(errc::bad_url);
        std::string bytes;
        if (const auto error = write_request(bytes, request, *to)) co_return error;
        ++counters_.requests;
        origin& at = origins_[to->scheme + "://" + to->authority()];
        const auto time = request.timeout.count() > 0 ? request.timeout : options_.request_timeout;
        const auto refused = co_await take_slot(at, clock::now() + time);
        if (refused) co_return refused;
        const slot held(*this, at);
        auto response = co_await perform(at, *to, request, std::move(bytes), time);
        co_return response;
    }

    void stop() {
        stopped_ = true;
        for (auto* each : running_) each->close();
        for (auto& [name, at] : origins_) {
            at.idle.clear();
            for (auto* each : at.waiting) each->turn.notify();
        }
    }

    const http_client_counters& counters() const noexcept { return counters_; }

  private:
    struct idle_connection {
        std::unique_ptr<socket_transport> transport;
        core::steady_time since;
    };
    struct waiter {
        explicit waiter(const asio::any_io_executor& executor) : turn(executor) {}
        async::event turn;
        bool granted = false;
    };
    struct origin {
        std::deque<idle_connection> idle; ///< the most recently used last
        std::deque<waiter*> waiting;
        std::size_t slots_used = 0;
    };

    /// Who holds a slot may have one connection; given up, it goes to the one that waits longest.
    struct slot {
        slot(state& of, origin& at) : owner(of), from(at) {}
        ~slot() { owner.give_slot(from); }
        slot(const slot&) = delete;
        slot& operator=(const slot&) = delete;
        state& owner;
        origin& from;
    };

    /// For `stop`: the transports in use.
    struct running {
        running(state& of, socket_transport& over) : list(of.running_), at(list.insert(list.end(), &over)) {}
        ~running() { list.erase(at); }
        running(const running&) = delete;
        running& operator=(const running&) = delete;
        std::list<socket_transport*>& list;
        std::list<socket_transport*>::iterator at;
    };

    /// Leaves the queue however the wait ends, also when its coroutine is cancelled.
    struct queued {
        queued(origin& of, waiter& who) : at(of), self(who) { at.waiting.push_back(&self); }
        ~queued() { std::erase(at.waiting, &self); }
        queued(const queued&) = delete;
        queued& operator=(const queued&) = delete;
        origin& at;
        waiter& self;
    };

    void give_slot(origin& at) {
        if (at.waiting.empty()) {
            --at.slots_used;
            return;
        }
        waiter* next = at.waiting.front();
        at.waiting.pop_front();
        next->granted = true;
        next->turn.notify();
    }

    asio::awaitable<core::error_code> take_slot(origin& at, core::steady_time deadline) {
        if (at.slots_used < options_.connections_per_origin_max && at.waiting.empty()) {
            ++at.slots_used;
            co_return core::error_code();
        }
        if (at.waiting.size() >= options_.waiting_per_origin_max) co_return make_error_code(errc::queue_full);
        waiter self(executor_);
        {
            const queued in_line(at, self);
            (void)co_await self.turn.wait_until(deadline); // `granted` says how it ended
        }
        if (self.granted && !stopped_) co_return core::error_code();
        if (self.granted) give_slot(at);
        co_return make_error_code(stopped_ ? errc::stopped : errc::timeout);
    }

    asio::awaitable<core::result<http_response>> perform(origin& at, const url& to, const http_request_out& request,
                                                         std::string bytes, std::chrono::milliseconds time) {
        for (;;) {
            auto transport = take_idle(at);
            const bool pooled = transport != nullptr;
            if (!pooled) {
                auto connected = co_await connect(to);
                if (connected.has_error()) co_return connected.error();
                transport = std::move(*connected);
            }
            if (stopped_) co_return make_error_code(errc::stopped);
            exchange in{*transport, bytes, request.method == "HEAD", false, false, false, {}, {}};
            async::timeout limit(executor_, time, [&in] { in.over.close(); });
            {
                const running registered(*this, *transport);
                co_await run(in, options_);
            }
            if (stopped_) co_return make_error_code(errc::stopped);
            if (limit.late()) co_return make_error_code(errc::timeout);
            if (!in.error) {
                if (in.reusable) at.idle.push_back({std::move(transport), clock::now()});
                co_return std::move(in.response);
            }
            if (!pooled || in.got_some || (in.sent_some && !idempotent(request.method))) co_return in.error;
            // The server closed it while it was idle; the others are as old. Once more, on a new one.
            at.idle.clear();
            ++counters_.retries;
        }
    }

    /// The connection used last that is neither too old nor ended by the server meanwhile; null when there is none.
    std::unique_ptr<socket_transport> take_idle(origin& at) {
        const auto oldest = clock::now() - options_.idle_timeout;
        while (!at.idle.empty() && at.idle.front().since < oldest) at.idle.pop_front();
        while (!at.idle.empty()) {
            auto taken = std::move(at.idle.back().transport);
            at.idle.pop_back();
            std::byte unexpected[1];
            if (taken->read_some(unexpected).would_block) return taken;
        }
        return nullptr;
    }

    asio::awaitable<core::result<std::unique_ptr<socket_transport>>> connect(const url& to) {
        if (to.secure() && !tls_) {
            tls_client_options trust;
            trust.ca_file = options_.ca_file;
            auto made = tls_context::client(std::move(trust));
            if (made.has_error()) co_return made.error();
            tls_ = std::move(*made);
        }
        ++counters_.connects;
        std::shared_ptr<tls_context> tls;
        if (to.secure()) tls = tls_;
        auto connected = co_await connect_socket(to.host, to.port, tls, options_.connect_timeout);
        co_return connected;
    }

    asio::any_io_executor executor_;
    http_client_options options_;
    http_client_counters counters_;
    std::shared_ptr<tls_context> tls_;
    std::map<std::string, origin> origins_; ///< as many as the configuration names; addresses stay valid
    std::list<socket_transport*> running_;
    bool stopped_ = false;
};

http_client::http_client(asio::any_io_executor executor, http_client_options options)
    : state_(std::make_shared<state>(std::move(executor), std::move(options))) {}

http_client::~http_client() = default;

asio::awaitable<core::result<http_response>> http_client::request(http_request_out request) {
    const auto kept = state_;
    auto response = co_await kept->request(std::move(request));
    co_return response;
}

void http_client::stop() { state_->stop(); }
const http_client_counters& http_client::counters() const noexcept { return state_->counters(); }

} // namespace net
