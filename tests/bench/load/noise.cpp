#include "tests/bench/load/noise.hpp"

#include "common/core/bytes.hpp"
#include "tests/bench/load/report.hpp"

#include <poll.h>

#include <algorithm>
#include <utility>

namespace bench {
namespace {

constexpr std::size_t block_bytes = 256 * 1024;

} // namespace

line::line(dialler& dial, dial_request request) : dial_(dial), request_(std::move(request)) {}

bool line::ready(std::uint64_t now_ns) {
    if (socket_.is_open()) return true;
    if (now_ns < dial_at_ns_) return false;
    ++dials_;
    auto answer = std::move(dial_.dial({request_}).front());
    if (answer.problem.empty()) {
        socket_ = std::move(answer.socket);
        return true;
    }
    ++refusals_;
    problem_ = std::move(answer.problem);
    dial_at_ns_ = now_ns + second_ns;
    return false;
}

void line::lost(std::uint64_t now_ns) {
    ++losses_;
    socket_.close();
    dial_at_ns_ = now_ns + second_ns;
}

bool line::hung_up() const noexcept {
    pollfd entry{.fd = socket_.descriptor(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&entry, 1, 0) > 0;
}

bool line::discard(std::vector<char>& scratch) {
    for (;;) {
        const auto got = socket_.read_some(scratch.data(), scratch.size());
        if (got.state != io_state::done) return got.state == io_state::would_block;
        received_ += got.bytes;
        if (got.bytes < scratch.size() && !socket_.has_buffered()) return true;
    }
}

noise::noise(dialler& dial, const options& given, std::string client_id, const std::string& topic, unsigned qos,
             double rate)
    : line_(dial, {.client_id = std::move(client_id), .filters = {}, .qos = 0, .receive_buffer_bytes = 0}),
      form_(make_publish(topic, qos, std::string(given.payload_bytes, 'n'))),
      block_packets_(std::max<std::size_t>(1, block_bytes / form_.bytes.size())), rate_(rate) {
    block_.reserve(block_packets_ * form_.bytes.size());
    for (std::size_t i = 0; i < block_packets_; ++i) block_ += form_.bytes;
}

std::size_t noise::due(std::uint64_t now_ns) const noexcept {
    if (rate_ <= 0) return block_packets_;
    const auto wanted = static_cast<std::uint64_t>(rate_ * static_cast<double>(now_ns - paced_from_ns_) * 1e-9);
    return static_cast<std::size_t>(std::min<std::uint64_t>(block_packets_, wanted - std::min(wanted, paced_)));
}

/// Identifiers follow each other whether the last ones were acknowledged or not.
void noise::patch(std::size_t count) noexcept {
    if (form_.identifier_at == 0) return;
    for (std::size_t i = 0; i < count; ++i) {
        if (++identifier_ == 0) ++identifier_;
        core::store_big_endian(block_.data() + i * form_.bytes.size() + form_.identifier_at, identifier_);
    }
}

bool noise::turn(std::uint64_t now_ns, std::vector<char>& scratch) {
    if (!line_.ready(now_ns)) {
        pending_from_ = pending_to_ = 0;
        paced_from_ns_ = 0;
        return false;
    }
    if (paced_from_ns_ == 0) {
        paced_from_ns_ = now_ns;
        paced_ = 0;
    }
    if (!blocked()) {
        const auto count = due(now_ns);
        patch(count);
        paced_ += count;
        messages_ += count;
        pending_from_ = 0;
        pending_to_ = count * form_.bytes.size();
    }
    bool alive = line_.discard(scratch);
    while (alive && blocked()) {
        const auto written = line_.socket().write_some(block_.data() + pending_from_, pending_to_ - pending_from_);
        if (written.state == io_state::would_block) return false;
        alive = written.state == io_state::done;
        pending_from_ += written.bytes;
    }
    if (!alive) line_.lost(now_ns);
    return alive && rate_ <= 0;
}

} // namespace bench
