#include "broker/edge/outbox.hpp"

#include "tests/support/packet_bytes.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

using broker::edge::outbox;
using broker::edge::packet_counts;
namespace asio = boost::asio;

namespace {

/// Takes `room` bytes and no more.
class narrow_transport final : public net::transport {
  public:
    std::size_t room = 0;
    std::string taken;

    asio::awaitable<core::error_code> handshake() override { co_return core::error_code(); }
    asio::awaitable<core::error_code> wait_readable() override { co_return core::error_code(); }
    asio::awaitable<core::error_code> wait_writable() override { co_return core::error_code(); }
    net::io_result read_some(std::span<std::byte>) noexcept override { return {}; }
    net::io_result write_some(core::byte_span from) noexcept override {
        net::io_result result;
        result.bytes = std::min(room, from.size());
        result.would_block = result.bytes == 0;
        taken += core::as_text(from.first(result.bytes));
        room -= result.bytes;
        return result;
    }
    void shutdown_send() noexcept override {}
    void close() noexcept override {}
    std::string remote_address() const override { return "test"; }
    asio::any_io_executor executor() override { return loop_.get_executor(); }

  private:
    asio::io_context loop_;
};

} // namespace

TEST_CASE("outbox: packets are counted by type, once, however they are written", "[edge]") {
    outbox out;
    packet_counts counts{};
    narrow_transport to;
    std::uint64_t bytes = 0;
    out.bytes() += packet_bytes::hex("d000");                               // PINGRESP
    out.bytes() += packet_bytes::hex("40020001");                           // PUBACK
    out.bytes() += packet_bytes::hex("30 c801") + std::string(200, '\x30'); // PUBLISH, two digits of length
    out.count(counts);
    out.count(counts);
    to.room = 5;
    CHECK(out.write_to(to, bytes) == outbox::outcome::blocked);
    out.bytes() += packet_bytes::hex("40020002"); // appended behind what waits
    out.count(counts);
    to.room = 1000;
    CHECK(out.write_to(to, bytes) == outbox::outcome::done);
    CHECK(bytes == 2 + 4 + 203 + 4);
    CHECK(to.taken.size() == bytes);
    out.bytes() += packet_bytes::hex("e000"); // the first of a new buffer
    out.count(counts);
    CHECK(counts[13] == 1);
    CHECK(counts[4] == 2);
    CHECK(counts[3] == 1);
    CHECK(counts[14] == 1);
    CHECK(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}) == 5);
}

TEST_CASE("outbox: what is written is forgotten, also when it never becomes empty", "[edge]") {
    outbox out;
    packet_counts counts{};
    narrow_transport to;
    std::uint64_t bytes = 0;
    const std::string publish = packet_bytes::hex("30 908002") + std::string(32'784, 'x'); // three digits of length
    std::string sent;
    for (int round = 0; round < 100; ++round) {
        out.bytes() += publish;
        sent += publish;
        out.count(counts);
        to.room = round == 0 ? publish.size() / 2 : publish.size();
        CHECK(out.write_to(to, bytes) == outbox::outcome::blocked);
        CHECK(out.bytes().size() <= 3 * publish.size());
    }
    CHECK(out.waiting() == publish.size() - publish.size() / 2);
    to.room = publish.size();
    CHECK(out.write_to(to, bytes) == outbox::outcome::done);
    CHECK(to.taken == sent);
    CHECK(counts[3] == 100);
    CHECK(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}) == 100);
}
