// The commands of `mqtt-messaging ctl`, over the management REST and, for `tail`, the WebSocket API.
#pragma once

#include "common/net/http_client.hpp"
#include "messaging/ctl/options.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace messaging::ctl {

namespace asio = boost::asio;

/// Where a command sends its requests, and what became of the last one.
struct session {
    session(net::http_client& over, login with) : client(over), as(std::move(with)) {}

    net::http_client& client;
    login as;
    std::string trouble; ///< why the last request failed, in words for a newcomer
};

/// The body of a 2xx answer; otherwise nothing and `session.trouble`.
asio::awaitable<std::optional<std::string>> ask(session& over, std::string method, std::string target,
                                                std::string body = {});

/// Exit codes: 0 done, 1 it did not work, 2 asked wrongly. All run until they end; what they print is on standard
/// output, what went wrong on standard error.
asio::awaitable<int> show_topics(session& over, const options& given);
asio::awaitable<int> show_subscriptions(session& over, const options& given);
asio::awaitable<int> publish(session& over, const options& given);
asio::awaitable<int> unsubscribe(session& over, const options& given);
asio::awaitable<int> tail(session& over, const options& given);

/// Says it on standard error; returns `code`.
int complain(std::string_view what, int code);

/// The whole: parses, logs in, runs. `arguments` stand behind `ctl`.
int run(const std::vector<std::string>& arguments);

} // namespace messaging::ctl
