#include "common/platform/platform_client.hpp"

#include "common/net/encoding.hpp"

#include <charconv>

namespace platform {

namespace {

std::string media_type(std::string_view name) {
    if (name == "json") return "application/json";
    return "application/vnd.com.nsn.cumulocity." + std::string(name) + "+json";
}

/// Seconds only; a date is left to the back-off.
std::chrono::milliseconds retry_after(const net::http_response& from) {
    const auto text = from.headers.get("Retry-After");
    std::uint32_t seconds = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
    return parsed.ec == std::errc{} ? std::chrono::milliseconds(std::uint64_t{1000} * seconds)
                                    : std::chrono::milliseconds(0);
}

} // namespace

platform_client::platform_client(net::http_client& over, std::string base_url, const credentials& who, observer seen)
    : over_(over), base_url_(std::move(base_url)),
      authorization_(net::basic_authorization(who.tenant + "/" + who.user, who.password)), seen_(std::move(seen)) {
    while (base_url_.ends_with('/')) base_url_.pop_back();
}

asio::awaitable<reply> platform_client::send(call what) {
    net::http_request_out request(std::move(what.method), base_url_ + what.path);
    request.headers.add("Authorization", authorization_);
    if (!what.content_type.empty()) request.headers.add("Content-Type", media_type(what.content_type));
    if (!what.accept.empty()) request.headers.add("Accept", media_type(what.accept));
    request.body = std::move(what.body);
    const auto began = std::chrono::steady_clock::now();
    auto got = co_await over_.request(std::move(request));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    reply made;
    if (!got) {
        made.problem.message = got.error().message();
        made.problem.retryable = true;
    } else {
        made.status = got->status;
        if (!made.ok()) {
            made.problem = read_error(got->status, got->body);
            made.problem.retry_after = retry_after(*got);
        }
        made.body = std::move(got->body);
    }
    if (seen_) seen_(what.route, made.status, took.count());
    co_return made;
}

} // namespace platform
