// The smallest MQTT peer that the generator can be pointed at: in memory, no limits, no checks. It shows what the
// generator and the loopback can do on this machine, so that a broker's figure is never mistaken for the generator's.
#include "common/core/bytes.hpp"
#include "tests/bench/load/modes.hpp"
#include "tests/bench/load/poller.hpp"
#include "tests/bench/load/publisher.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>

namespace bench {
namespace {

constexpr std::size_t out_bytes_max = 64 * 1024 * 1024;

struct peer {
    connection socket;
    std::string partial;
    std::string out;
    std::size_t out_from = 0;
    bool dirty = false;
};

class sink {
  public:
    sink(int listener, sink_fault fault) : listener_(listener), fault_(fault), scratch_(buffer_bytes) {
        poller_.add(listener, 0);
    }

    [[noreturn]] void run() {
        while (true) {
            for (const auto& event : poller_.wait(1'000'000'000u)) {
                if (event.data.u32 == 0)
                    accept_one();
                else
                    on_ready(event.data.u32);
            }
            for (const auto number : dirty_) flush(number);
            dirty_.clear();
        }
    }

  private:
    void accept_one() {
        const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0) return;
        const int on = 1;
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const auto number = next_number_++;
        auto& added = peers_[number];
        added = std::make_unique<peer>();
        added->socket = connection(descriptor);
        poller_.add(descriptor, number);
    }

    void on_ready(std::uint32_t number) {
        const auto found = peers_.find(number);
        if (found == peers_.end()) return;
        peer& from = *found->second;
        const bool alive =
            receive_packets(from.socket, from.partial, scratch_, [&](const packet& got) { take(number, from, got); });
        if (alive)
            mark(number, from);
        else
            end_of(number);
    }

    void take(std::uint32_t number, peer& from, const packet& got) {
        if (got.type() == packet_type::connect)
            from.out.append(
                fault_ == sink_fault::deny && ++connects_ % 10 == 0 ? "\x20\x02\x00\x05" : "\x20\x02\x00\x00", 4);
        else if (got.type() == packet_type::subscribe)
            subscribe(number, from, got);
        else if (got.type() == packet_type::publish)
            forward(from, got);
    }

    void subscribe(std::uint32_t number, peer& from, const packet& got) {
        core::byte_reader read(core::as_bytes({got.body, got.body_bytes}));
        const auto identifier = read.u16();
        std::string granted;
        while (read.ok() && read.left() > 0) {
            topics_[std::string(read.text_u16())].push_back(number);
            granted.push_back(static_cast<char>(read.u8()));
        }
        core::byte_writer write(from.out);
        write.u8(0x90);
        write.u8(static_cast<std::uint8_t>(granted.size() + 2));
        write.u16(identifier);
        write.text(granted);
    }

    void forward(peer& from, const packet& got) {
        const auto message = read_publish(got);
        if (got.qos() > 0) {
            const char puback[4] = {0x40, 2, static_cast<char>(message.identifier >> 8),
                                    static_cast<char>(message.identifier)};
            from.out.append(puback, sizeof puback);
        }
        const auto found = topics_.find(message.topic);
        if (found == topics_.end()) return;
        for (const auto number : found->second) {
            const auto to = peers_.find(number);
            if (to == peers_.end() || to->second->out.size() > out_bytes_max) continue;
            deliver(to->second->out, message.topic, {got.start, got.total_bytes});
            mark(number, *to->second);
        }
    }

    void deliver(std::string& out, std::string_view topic, std::string_view bytes) {
        const bool wrong = fault_ != sink_fault::none && ++forwarded_ % 1000 == 500;
        if (wrong && fault_ == sink_fault::drop) return;
        if (wrong && fault_ == sink_fault::swap) {
            held_[std::string(topic)] = bytes;
            return;
        }
        out.append(bytes);
        if (wrong && fault_ == sink_fault::repeat) out.append(bytes);
        // The first byte of the run number is 200 before the end with the default payload: another run's message.
        if (wrong && fault_ == sink_fault::foreign) out[out.size() - 200] ^= 1;
        if (const auto held = held_.find(topic); held != held_.end()) {
            out.append(held->second);
            held_.erase(held);
        }
    }

    void mark(std::uint32_t number, peer& of) {
        if (of.dirty) return;
        of.dirty = true;
        dirty_.push_back(number);
    }

    void flush(std::uint32_t number) {
        const auto found = peers_.find(number);
        if (found == peers_.end()) return;
        peer& to = *found->second;
        to.dirty = false;
        while (to.out_from < to.out.size()) {
            const auto written = to.socket.write_some(to.out.data() + to.out_from, to.out.size() - to.out_from);
            if (written.state == io_state::closed) return end_of(number);
            if (written.state == io_state::would_block) return poller_.want_write(to.socket.descriptor(), number, true);
            to.out_from += written.bytes;
        }
        to.out.clear();
        to.out_from = 0;
        poller_.want_write(to.socket.descriptor(), number, false);
    }

    void end_of(std::uint32_t number) { peers_.erase(number); }

    int listener_;
    sink_fault fault_;
    std::uint64_t forwarded_ = 0;
    std::uint64_t connects_ = 0;
    std::map<std::string, std::string, std::less<>> held_; ///< Swap: goes out behind the next one of its topic.
    std::uint32_t next_number_ = 1;
    poller poller_;
    scratch_buffer scratch_;
    std::map<std::uint32_t, std::unique_ptr<peer>> peers_;
    std::map<std::string, std::vector<std::uint32_t>, std::less<>> topics_;
    std::vector<std::uint32_t> dirty_;
};

} // namespace

int run_sink(const options& given) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(given.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener, 512) != 0) {
        std::fprintf(stderr, "mqtt-load: cannot listen on port %u: %s\n", given.port, std::strerror(errno));
        return 2;
    }
    sink(listener, given.fault).run();
}

} // namespace bench
