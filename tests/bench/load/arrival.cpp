#include "tests/bench/load/arrival.hpp"

#include "tests/bench/load/payload.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

namespace bench {
namespace {

constexpr std::size_t connack_bytes = 4;
constexpr std::size_t suback_bytes = 5; ///< For one filter.

} // namespace

arrival::arrival(connection socket, bool tls, std::string connect, std::string subscribe, unsigned qos)
    : socket_(std::move(socket)), stage_(tls ? stage::securing : stage::connecting), tls_(tls), qos_(qos),
      out_(std::move(connect)), subscribe_(std::move(subscribe)), begun_ns_(steady_ns()) {}

arrival::state arrival::fail(std::string why) {
    problem_ = std::move(why);
    return state::failed;
}

arrival::state arrival::ended(const char* where) {
    const int why = errno;
    if (why == ECONNREFUSED || why == ETIMEDOUT || why == EHOSTUNREACH || why == ENETUNREACH)
        return fail(std::string("cannot connect: ") + std::strerror(why));
    return fail(where);
}

arrival::state arrival::advance() {
    errno = 0;
    switch (stage_) {
    case stage::securing: return on_secured();
    case stage::connecting: return on_connack();
    case stage::subscribing: return on_suback();
    case stage::in: break;
    }
    return state::in;
}

arrival::state arrival::on_secured() {
    switch (socket_.continue_tls()) {
    case io_state::closed: return ended("TLS handshake failed");
    case io_state::would_block: return state::under_way;
    case io_state::done: break;
    }
    secured_ns_ = steady_ns();
    stage_ = stage::connecting;
    return advance();
}

// While the connect is under way a write would block, which needs no stage of its own.
io_state arrival::exchange(std::size_t size) {
    if (out_from_ < out_.size()) {
        const auto written = socket_.write_some(out_.data() + out_from_, out_.size() - out_from_);
        if (written.state != io_state::done) return written.state;
        out_from_ += written.bytes;
        // The answer is a turn away; its arrival is told. TLS may have read it already, together with something else.
        if (!tls_ && out_from_ == out_.size()) return io_state::would_block;
        if (out_from_ < out_.size()) return exchange(size);
    }
    while (answered_ < size) {
        const auto got = socket_.read_some(answer_ + answered_, size - answered_);
        if (got.state != io_state::done) return got.state;
        answered_ += got.bytes;
    }
    return io_state::done;
}

arrival::state arrival::on_connack() {
    const auto done = exchange(connack_bytes);
    if (done == io_state::would_block) return state::under_way;
    if (done == io_state::closed) return ended("closed before CONNACK");
    if (std::memcmp(answer_, "\x20\x02\x00", 3) != 0) return fail("something else than a CONNACK came");
    if (answer_[3] != 0) return fail("CONNACK with return code " + std::to_string(static_cast<int>(answer_[3])));
    if (subscribe_.empty()) {
        stage_ = stage::in;
        return state::in;
    }
    out_ = std::exchange(subscribe_, {});
    out_from_ = 0;
    answered_ = 0;
    stage_ = stage::subscribing;
    return advance();
}

arrival::state arrival::on_suback() {
    const auto done = exchange(suback_bytes);
    if (done == io_state::would_block) return state::under_way;
    if (done == io_state::closed) return ended("closed before SUBACK");
    if (std::memcmp(answer_, "\x90\x03", 2) != 0) return fail("something else than a SUBACK came");
    const auto granted = static_cast<unsigned char>(answer_[4]);
    if (granted != qos_) return fail("SUBACK with return code " + std::to_string(granted));
    stage_ = stage::in;
    return state::in;
}

} // namespace bench
