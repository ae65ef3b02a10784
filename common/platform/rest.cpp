#include "common/platform/rest.hpp"

#include "common/async/backoff.hpp"
#include "common/async/tokens.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <simdjson.h>

#include <algorithm>

namespace platform {

namespace {
constexpr std::size_t message_bytes_max = 200;
constexpr std::chrono::milliseconds retry_after_max{300'000};
} // namespace

std::string platform_error::text() const {
    std::string out = status == 0 ? "no answer" : "HTTP " + std::to_string(status);
    if (!error.empty()) out += " " + error;
    if (!message.empty()) out += ": " + message;
    return out;
}

bool retryable(unsigned status) noexcept {
    return status == 0 || status == 401 || status == 408 || status == 429 || status >= 500;
}

platform_error read_error(unsigned status, std::string_view body) {
    platform_error made;
    made.status = status;
    made.retryable = retryable(status);
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    std::string_view text;
    if (parser.parse(body.data(), body.size()).get(root) == simdjson::SUCCESS) {
        if (root["error"].get(text) == simdjson::SUCCESS) made.error = text;
        if (root["message"].get(text) == simdjson::SUCCESS) made.message = text;
    }
    if (made.error.empty() && made.message.empty()) made.message = body;
    if (made.message.size() > message_bytes_max) made.message.resize(message_bytes_max);
    return made;
}

asio::awaitable<reply> send_until_decided(rest& via, call what, retry_observer* observer, retry_delays delays) {
    async::backoff backoff(delays.first, delays.max);
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    while (true) {
        call attempt = what;
        reply got = co_await via.send(std::move(attempt));
        if (got.ok() || !got.problem.retryable) {
            if (observer != nullptr) observer->on_decided();
            co_return got;
        }
        if (observer != nullptr) observer->on_retry(got.problem);
        const auto asked = std::min(got.problem.retry_after, retry_after_max);
        timer.expires_after(std::max(backoff.next(), asked));
        auto [error] = co_await timer.async_wait(async::as_result);
        if (error) co_return got;
    }
}

} // namespace platform
