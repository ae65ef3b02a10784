// Redis Streams: XADD, and a consumer group that reads and acknowledges. Whether an answer means "on disk" is the
// server's appendfsync.
#include "tests/bench/store/line_socket.hpp"

#include <fmt/format.h>

#include <charconv>
#include <vector>

namespace bench::store {
namespace {

/// A RESP2 value; views into the socket's buffer.
struct value {
    char kind = 0;
    std::string_view text;
    std::vector<value> items;
};

/// False: not all of it is there yet.
bool parse(std::string_view from, std::size_t& at, value& into) {
    const auto end = from.find("\r\n", at);
    if (end == std::string_view::npos) return false;
    into.kind = from[at];
    const auto line = from.substr(at + 1, end - at - 1);
    at = end + 2;
    if (into.kind == '-') throw problem("redis: " + std::string(line));
    long size = 0;
    std::from_chars(line.data(), line.data() + line.size(), size);
    if (into.kind == '$' && size >= 0) {
        const auto bytes = static_cast<std::size_t>(size);
        if (from.size() < at + bytes + 2) return false;
        into.text = from.substr(at, bytes);
        at += bytes + 2;
    } else if (into.kind == '*' && size >= 0) {
        into.items.resize(static_cast<std::size_t>(size));
        for (auto& each : into.items)
            if (!parse(from, at, each)) return false;
    } else {
        into.text = line;
    }
    return true;
}

void append_command(std::string& out, std::initializer_list<std::string_view> words) {
    fmt::format_to(std::back_inserter(out), "*{}\r\n", words.size());
    for (const auto word : words) {
        fmt::format_to(std::back_inserter(out), "${}\r\n", word.size());
        out.append(word).append("\r\n");
    }
}

class redis final : public target {
  public:
    explicit redis(const options& with) : options_(with) {
        for (std::uint32_t i = 0; i < with.topics; ++i) keys_.push_back(fmt::format("bench:{}", i));
    }

    void open(listener& to, bool consume) override {
        listener_ = &to;
        consume_ = consume;
        producer_.connect(options_.port);
        if (!consume) return;
        consumer_.connect(options_.port);
        for (const auto& key : keys_)
            append_command(consumer_.out(), {"XGROUP", "CREATE", key, "readers", "$", "MKSTREAM"});
        consumer_.flush();
        for (std::size_t i = 0; i < keys_.size();) {
            consumer_.wait_and_receive(1000);
            i += drain(consumer_, [](const value&) {});
        }
        ask();
    }
    void publish(std::uint32_t topic, std::string_view payload) override {
        append_command(producer_.out(), {"XADD", keys_[topic], "*", "d", payload});
    }
    void turn(bool wait) override {
        producer_.flush();
        if (consume_) consumer_.flush();
        pollfd ready[2] = {{producer_.descriptor(), POLLIN, 0}, {consumer_.descriptor(), POLLIN, 0}};
        ::poll(ready, consume_ ? 2 : 1, wait && producer_.pending().empty() ? 100 : 0);
        if ((ready[0].revents & POLLIN) != 0) producer_.receive();
        const auto acknowledged = drain(producer_, [](const value&) {});
        if (acknowledged > 0) listener_->on_acknowledged(acknowledged);
        if (!consume_) return;
        if ((ready[1].revents & POLLIN) != 0) consumer_.receive();
        drain(consumer_, [this](const value& answer) { on_answer(answer); });
    }

  private:
    template <class Handler> static std::size_t drain(line_socket& from, Handler handle) {
        std::size_t count = 0;
        for (std::size_t at = 0; !from.pending().empty(); at = 0) {
            value answer;
            if (!parse(from.pending(), at, answer)) break;
            handle(answer);
            from.take(at);
            ++count;
        }
        return count;
    }
    void ask() {
        auto& out = consumer_.out();
        fmt::format_to(std::back_inserter(out), "*{}\r\n", 9 + 2 * keys_.size());
        for (const std::string_view word :
             {"XREADGROUP", "GROUP", "readers", "one", "COUNT", "1000", "BLOCK", "1000", "STREAMS"})
            fmt::format_to(std::back_inserter(out), "${}\r\n{}\r\n", word.size(), word);
        for (const auto& key : keys_) fmt::format_to(std::back_inserter(out), "${}\r\n{}\r\n", key.size(), key);
        for (std::size_t i = 0; i < keys_.size(); ++i) out += "$1\r\n>\r\n";
    }
    void on_answer(const value& answer) {
        if (answer.kind == ':') return;           // of XACK
        for (const auto& stream : answer.items) { // [key, [[id, [field, value]], …]]
            if (stream.items.size() != 2) continue;
            const auto& entries = stream.items[1].items;
            if (entries.empty()) continue;
            auto& out = consumer_.out();
            const auto key = stream.items[0].text;
            fmt::format_to(std::back_inserter(out), "*{}\r\n$4\r\nXACK\r\n${}\r\n{}\r\n$7\r\nreaders\r\n",
                           3 + entries.size(), key.size(), key);
            for (const auto& entry : entries) {
                fmt::format_to(std::back_inserter(out), "${}\r\n{}\r\n", entry.items[0].text.size(),
                               entry.items[0].text);
                listener_->on_delivered(entry.items[1].items[1].text);
            }
        }
        ask();
    }

    const options& options_;
    listener* listener_ = nullptr;
    bool consume_ = false;
    std::vector<std::string> keys_;
    line_socket producer_;
    line_socket consumer_; ///< of its own, because XREADGROUP waits
};

} // namespace

std::unique_ptr<target> make_redis(const options& with) { return std::make_unique<redis>(with); }

} // namespace bench::store
