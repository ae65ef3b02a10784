// NATS JetStream: publishes that ask for the stream's acknowledgement, and a push consumer with explicit ones. A file
// store of the server syncs every two minutes, so its acknowledgement means "in the page cache".
#include "tests/bench/store/line_socket.hpp"

#include <fmt/format.h>

#include <charconv>
#include <vector>

namespace bench::store {
namespace {

class nats final : public target {
  public:
    explicit nats(const options& with) : options_(with) {
        for (std::uint32_t i = 0; i < with.topics; ++i) subjects_.push_back(fmt::format("bench.{}", i));
    }

    void open(listener& to, bool consume) override {
        listener_ = &to;
        socket_.connect(options_.port);
        socket_.out() = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB answers.> 1\r\n";
        request("STREAM.CREATE.bench", R"({"name":"bench","subjects":["bench.>"],"storage":"file","num_replicas":1})");
        if (!consume) return;
        socket_.out() += "SUB deliveries 2\r\n";
        request("CONSUMER.DURABLE.CREATE.bench.reader",
                R"({"stream_name":"bench","config":{"durable_name":"reader","deliver_subject":"deliveries",)"
                R"("ack_policy":"explicit","deliver_policy":"new","max_ack_pending":100000}})");
    }
    void publish(std::uint32_t topic, std::string_view payload) override {
        auto& out = socket_.out();
        fmt::format_to(std::back_inserter(out), "PUB {} answers.p {}\r\n", subjects_[topic], payload.size());
        out.append(payload).append("\r\n");
    }
    void turn(bool wait) override {
        socket_.flush();
        if (socket_.pending().empty() || !wait)
            socket_.wait_and_receive(wait ? 100 : 0);
        else
            socket_.receive();
        take_all();
        if (acknowledged_ > 0) listener_->on_acknowledged(std::exchange(acknowledged_, 0));
    }

  private:
    void request(std::string_view what, std::string_view body) {
        fmt::format_to(std::back_inserter(socket_.out()), "PUB $JS.API.{} answers.api {}\r\n{}\r\n", what, body.size(),
                       body);
        socket_.flush();
        api_answered_ = false;
        for (int i = 0; i < 100 && !api_answered_; ++i) {
            socket_.wait_and_receive(100);
            take_all();
        }
        if (!api_answered_) throw problem("nats: no answer to " + std::string(what) + "; is JetStream on?");
    }
    void take_all() {
        for (;;) {
            const auto all = socket_.pending();
            const auto end = all.find("\r\n");
            if (end == std::string_view::npos) return;
            const auto line = all.substr(0, end);
            std::size_t used = end + 2;
            if (line.starts_with("MSG ")) {
                std::size_t size = 0;
                const auto last = line.substr(line.rfind(' ') + 1);
                std::from_chars(last.data(), last.data() + last.size(), size);
                if (all.size() < used + size + 2) return;
                on_message(line, all.substr(used, size));
                used += size + 2;
            } else if (line == "PING") {
                socket_.out() += "PONG\r\n";
            } else if (line.starts_with("-ERR")) {
                throw problem("nats: " + std::string(line));
            }
            socket_.take(used);
        }
    }
    void on_message(std::string_view line, std::string_view body) {
        if (line.starts_with("MSG answers.")) {
            if (body.find("\"error\"") != std::string_view::npos) throw problem("nats: " + std::string(body));
            if (line.starts_with("MSG answers.api"))
                api_answered_ = true;
            else
                ++acknowledged_;
            return;
        }
        listener_->on_delivered(body); // MSG <subject> <subscription> <where to acknowledge> <size>
        const auto size_at = line.rfind(' ');
        const auto reply_at = line.rfind(' ', size_at - 1);
        fmt::format_to(std::back_inserter(socket_.out()), "PUB {} 4\r\n+ACK\r\n",
                       line.substr(reply_at + 1, size_at - reply_at - 1));
    }

    const options& options_;
    listener* listener_ = nullptr;
    std::vector<std::string> subjects_;
    line_socket socket_;
    std::uint64_t acknowledged_ = 0;
    bool api_answered_ = false;
};

} // namespace

std::unique_ptr<target> make_nats(const options& with) { return std::make_unique<nats>(with); }

} // namespace bench::store
