// Our messaging by the original's text API: one producer and one consumer WebSocket, type `mqtt`.
#include "common/net/websocket.hpp"
#include "common/notification2/avro_codec.hpp"
#include "common/notification2/frame.hpp"
#include "tests/bench/store/target.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <fmt/format.h>

#include <deque>

namespace bench::store {
namespace {

namespace asio = boost::asio;

class text final : public target {
  public:
    explicit text(const options& with) : options_(with) {}
    ~text() override {
        for (auto* one : {&producer_, &consumer_})
            if (one->socket) one->socket->abort();
        while (running_ > 0 && io_.run_one() > 0) {
        }
    }

    void open(listener& to, bool consume) override {
        listener_ = &to;
        if (consume) connect(consumer_, "consumer", options_.consumer_token);
        connect(producer_, "producer", options_.producer_token);
    }
    void publish(std::uint32_t, std::string_view payload) override {
        notification2::mqtt_service_message message;
        message.client_id = "bench";
        message.payload = payload;
        record_.clear();
        notification2::append_avro(record_, message);
        std::string frame;
        notification2::append_producer_frame(frame, ++sequence_, record_);
        producer_.out.push_back(std::move(frame));
        write(producer_);
    }
    void turn(bool wait) override {
        if (wait) io_.run_one_for(std::chrono::milliseconds(100));
        io_.poll();
        if (!failure_.empty()) throw problem(failure_);
    }

  private:
    struct door {
        std::unique_ptr<net::websocket> socket;
        std::deque<std::string> out;
        bool writing = false;
    };

    void connect(door& through, const char* which, const std::string& token) {
        net::websocket_target to;
        to.url = fmt::format("ws://127.0.0.1:{}/notification2/{}/?token={}", options_.port, which, token);
        spawn(open_door(through, std::move(to)));
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!through.socket) {
            if (std::chrono::steady_clock::now() > deadline) throw problem("the WebSocket did not open");
            turn(true);
        }
        spawn(read(through));
    }
    void spawn(asio::awaitable<void> what) {
        ++running_;
        asio::co_spawn(io_, std::move(what), [this](std::exception_ptr) { --running_; });
    }
    asio::awaitable<void> open_door(door& through, net::websocket_target to) {
        net::upgrade_refusal refusal;
        auto opened = co_await net::websocket_connect(std::move(to), &refusal);
        if (opened)
            through.socket = std::move(*opened);
        else
            failure_ = fmt::format("the WebSocket was refused: {} {}", opened.error().message(), refusal.body);
    }
    asio::awaitable<void> read(door& through) {
        std::string frame;
        for (;;) {
            const auto got = co_await through.socket->read(frame);
            if (!got) {
                failure_ =
                    fmt::format("the WebSocket ended: {} {}", got.error().message(), through.socket->close_reason());
                co_return;
            }
            if (&through == &producer_)
                on_acknowledgement(frame);
            else
                on_message(frame);
        }
    }
    void on_acknowledgement(std::string_view frame) {
        const auto sequence = notification2::parse_sequence(frame);
        if (sequence)
            listener_->on_acknowledged(1);
        else
            failure_ = "the producer was told: " + std::string(frame);
    }
    void on_message(std::string_view frame) {
        const auto parsed = notification2::parse_consumer_frame(frame);
        record_in_.clear();
        if (!parsed || !notification2::append_record(record_in_, parsed->base64, 1 << 20)) {
            failure_ = "a message that cannot be read";
            return;
        }
        const auto message = notification2::decode_avro(record_in_);
        if (!message) {
            failure_ = "a record that cannot be read";
            return;
        }
        listener_->on_delivered(message->payload);
        consumer_.out.emplace_back(parsed->ack_header);
        write(consumer_);
    }
    void write(door& through) {
        if (std::exchange(through.writing, true)) return;
        spawn(write_all(through));
    }
    asio::awaitable<void> write_all(door& through) {
        while (!through.out.empty()) {
            const auto frame = std::move(through.out.front());
            through.out.pop_front();
            const auto error = co_await through.socket->write(core::as_bytes(frame), true);
            if (error) co_return;
        }
        through.writing = false;
    }

    const options& options_;
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
    listener* listener_ = nullptr;
    door producer_;
    door consumer_;
    std::size_t running_ = 0;
    std::string failure_;
    std::string record_;
    std::string record_in_;
    std::uint64_t sequence_ = 0;
};

} // namespace

std::unique_ptr<target> make_text(const options& with) { return std::make_unique<text>(with); }

} // namespace bench::store
