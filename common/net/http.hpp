// HTTP requests and responses as plain values, shared by server and client. Header names compare without case.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace net {

class http_headers {
  public:
    using entry = std::pair<std::string, std::string>;

    http_headers() = default;
    explicit http_headers(std::vector<entry> entries) : entries_(std::move(entries)) {}

    /// The first value of that name; empty when there is none.
    std::string_view get(std::string_view name) const noexcept;
    bool has(std::string_view name) const noexcept;
    void add(std::string name, std::string value);
    /// Replaces every value of that name.
    void set(std::string name, std::string value);
    const std::vector<entry>& entries() const noexcept { return entries_; }

  private:
    std::vector<entry> entries_;
};

struct http_request {
    std::string method;                                     ///< upper case as sent: GET
    std::string target;                                     ///< as sent: /a%20b?x=1
    std::string path;                                       ///< decoded, without the query: /a b
    std::vector<std::pair<std::string, std::string>> query; ///< decoded, in their order
    http_headers headers;
    std::string body;
    std::string remote_address;

    http_request() = default;

    /// The first query parameter of that name; empty when there is none.
    std::string_view parameter(std::string_view name) const noexcept;
    bool has_parameter(std::string_view name) const noexcept;
};

struct http_response {
    unsigned status = 200;
    std::string content_type;
    std::string body;
    http_headers headers;

    http_response() = default;
    explicit http_response(unsigned code) : status(code) {}
    http_response(unsigned code, std::string type, std::string text)
        : status(code), content_type(std::move(type)), body(std::move(text)) {}
};

/// `{"error":…,"message":…}` as the platform answers (ref D.1).
http_response error_response(unsigned status, std::string_view error, std::string_view message);
http_response json_response(unsigned status, std::string body);

/// "Not Found" for 404; "Unknown" for what RFC 9110 does not name.
std::string_view reason_phrase(unsigned status) noexcept;

/// Same text without regard to ASCII case.
bool equal_nocase(std::string_view a, std::string_view b) noexcept;

/// Splits and decodes a target of origin form into `path` and `query`; false for a malformed one.
bool parse_target(std::string_view target, http_request& into);

} // namespace net
