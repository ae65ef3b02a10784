// One REST call to the platform and its answer as values, and the retry rule (ref D.1). `rest` is the door that tests
// replace; `platform_client` is the real one. One thread.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace platform {

namespace asio = boost::asio;

/// What the platform, or the way to it, said no with.
struct platform_error {
    unsigned status = 0; ///< 0: no answer came
    std::string error;   ///< `inventory/Not Found`
    std::string message;
    bool retryable = false;
    std::chrono::milliseconds retry_after{0}; ///< 0: not stated

    platform_error() = default;
    std::string text() const;
};

struct call {
    std::string method = "GET";
    std::string path;              ///< with query
    std::string_view content_type; ///< `measurement`: becomes application/vnd.com.nsn.cumulocity.measurement+json
    std::string_view accept;       ///< likewise; empty: the platform answers writes without a body
    std::string body;
    std::string_view route; ///< a fixed name for metrics

    call() = default;
    call(std::string verb, std::string where, std::string_view named)
        : method(std::move(verb)), path(std::move(where)), route(named) {}
};

struct reply {
    unsigned status = 0;
    std::string body;
    platform_error problem; ///< when not ok()

    reply() = default;
    bool ok() const noexcept { return status >= 200 && status < 300; }
};

class rest {
  public:
    virtual ~rest() = default;
    /// One attempt.
    virtual asio::awaitable<reply> send(call what) = 0;

  protected:
    rest() = default;
    rest(const rest&) = default;
    rest& operator=(const rest&) = default;
};

/// Is told of every attempt that will be repeated, and of every decision.
class retry_observer {
  public:
    virtual ~retry_observer() = default;
    virtual void on_retry(const platform_error& why) = 0;
    virtual void on_decided() = 0;

  protected:
    retry_observer() = default;
    retry_observer(const retry_observer&) = default;
    retry_observer& operator=(const retry_observer&) = default;
};

struct retry_delays {
    std::chrono::milliseconds first{200};
    std::chrono::milliseconds max{30'000};
};

/// True for no answer, 401, 408, 429 and 5xx: the request may pass later. 401 says that our credentials are wrong,
/// which is no fault of the message that the request carries; everything else in 4xx is an answer.
bool retryable(unsigned status) noexcept;
/// The error body `{"error":…,"message":…}`; a body of another form becomes the message, cut to 200 bytes.
platform_error read_error(unsigned status, std::string_view body);

/// Repeats with exponential back-off and jitter, never sooner than the platform's Retry-After, until the platform
/// accepts or refuses. Ends early only by cancellation. `observer`, which outlives the call, may be null.
asio::awaitable<reply> send_until_decided(rest& via, call what, retry_observer* observer, retry_delays delays);

} // namespace platform
