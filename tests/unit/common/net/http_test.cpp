#include "common/net/error.hpp"
#include "common/net/http.hpp"
#include "common/net/transport.hpp"
#include "common/net/url.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/system_executor.hpp>
#include <catch2/catch.hpp>

#include <array>

TEST_CASE("headers: names compare without case, set replaces, add keeps", "[net]") {
    net::http_headers headers;
    headers.add("X-One", "1");
    headers.add("x-one", "2");
    CHECK(headers.get("X-ONE") == "1");
    CHECK(headers.entries().size() == 2);
    headers.set("x-ONE", "3");
    CHECK(headers.get("x-one") == "3");
    CHECK(headers.entries().size() == 1);
    CHECK(headers.get("absent").empty());
    CHECK_FALSE(headers.has("X"));
}

TEST_CASE("target: path and query are decoded, malformed ones refused", "[net]") {
    net::http_request request;
    REQUIRE(net::parse_target("/a%20b/c+d?x=1%262&y&z=a+b&x=second&&=e", request));
    CHECK(request.target == "/a%20b/c+d?x=1%262&y&z=a+b&x=second&&=e");
    CHECK(request.path == "/a b/c+d");
    CHECK(request.parameter("x") == "1&2");
    CHECK(request.has_parameter("y"));
    CHECK(request.parameter("y").empty());
    CHECK(request.parameter("z") == "a b");
    CHECK(request.query.size() == 5);
    REQUIRE(net::parse_target("http://example.com:80/p?q=1", request));
    CHECK(request.path == "/p");
    CHECK(request.query.size() == 1);
    REQUIRE(net::parse_target("*", request));
    for (const char* bad : {"", "a", "/%", "/a%00b", "/?x=%g", "?x=1"}) CHECK_FALSE(net::parse_target(bad, request));
}

TEST_CASE("error response: the platform's form, escaped", "[net]") {
    const auto response = net::error_response(404, "mqtt/notFound", "no \"x\"");
    CHECK(response.status == 404);
    CHECK(response.content_type == "application/json");
    CHECK(response.body == R"({"error":"mqtt/notFound","message":"no \"x\""})");
}

TEST_CASE("url: what we dial", "[net]") {
    auto to = net::parse_url("ws://127.0.0.1:8082/link?x=1#part");
    REQUIRE(to.has_value());
    CHECK(to->scheme == "ws");
    CHECK(to->host == "127.0.0.1");
    CHECK(to->port == 8082);
    CHECK(to->target == "/link?x=1");
    CHECK(to->authority() == "127.0.0.1:8082");
    CHECK_FALSE(to->secure());
    to = net::parse_url("HTTPS://example.com");
    REQUIRE(to.has_value());
    CHECK(to->port == 443);
    CHECK(to->target == "/");
    CHECK(to->authority() == "example.com");
    CHECK(to->secure());
    to = net::parse_url("wss://[::1]:9?q");
    REQUIRE(to.has_value());
    CHECK(to->host == "::1");
    CHECK(to->authority() == "[::1]:9");
    CHECK(to->target == "/?q");
}

TEST_CASE("url: what is refused", "[net]") {
    for (const char* bad :
         {"", "example.com", "ftp://a", "http://", "http://:80", "http://a:", "http://a:0", "http://a:65536",
          "http://a:8x", "http://u:p@a/", "http://[::1", "http://[::1]x", "http://a/b c", "http://a/\r\nX: y"}) {
        INFO(bad);
        const auto to = net::parse_url(bad);
        REQUIRE(to.has_error());
        CHECK(to.error() == net::errc::bad_url);
    }
}

namespace {

/// Takes at most `room` bytes, then would block.
class narrow_transport final : public net::transport {
  public:
    explicit narrow_transport(std::size_t room) : room_(room) {}
    net::asio::awaitable<core::error_code> handshake() override { co_return core::error_code(); }
    net::asio::awaitable<core::error_code> wait_readable() override { co_return core::error_code(); }
    net::asio::awaitable<core::error_code> wait_writable() override { co_return core::error_code(); }
    net::io_result read_some(std::span<std::byte>) noexcept override { return {}; }
    net::io_result write_some(core::byte_span from) noexcept override {
        net::io_result result;
        result.bytes = std::min(room_, from.size());
        result.would_block = result.bytes == 0;
        room_ -= result.bytes;
        written.append(core::as_text(from.first(result.bytes)));
        return result;
    }
    void shutdown_send() noexcept override {}
    void close() noexcept override {}
    std::string remote_address() const override { return "test:0"; }
    net::asio::any_io_executor executor() override { return boost::asio::system_executor(); }
    std::string written;

  private:
    std::size_t room_;
};

} // namespace

TEST_CASE("transport: pieces are written in order and stop where it would block", "[net]") {
    const std::array<core::byte_span, 4> pieces{core::as_bytes("ab"), core::byte_span(), core::as_bytes("cd"),
                                                core::as_bytes("ef")};
    narrow_transport all(100);
    CHECK(all.write_pieces(pieces).bytes == 6);
    CHECK(all.written == "abcdef");
    narrow_transport some(3);
    const auto partly = some.write_pieces(pieces);
    CHECK(partly.bytes == 3);
    CHECK_FALSE(partly.would_block);
    CHECK(some.written == "abc");
    narrow_transport none(0);
    CHECK(none.write_pieces(pieces).would_block);
    CHECK(all.peer().der.empty());
}
