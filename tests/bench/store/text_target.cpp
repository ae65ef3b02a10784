// Our messaging by the original's text API: one producer and one consumer WebSocket, type `mqtt`. The client's half of
// WebSocket is written out here, with a mask of zero, so that the generator costs little.
#include "common/notification2/avro_codec.hpp"
#include "common/notification2/frame.hpp"
#include "tests/bench/store/line_socket.hpp"

#include <fmt/format.h>

namespace bench::store {
namespace {

void append_frame(std::string& out, std::string_view text) {
    out.push_back('\x81');
    if (text.size() < 126) {
        out.push_back(static_cast<char>(0x80 | text.size()));
    } else {
        out.push_back(static_cast<char>(0x80 | 126));
        out.push_back(static_cast<char>(text.size() >> 8));
        out.push_back(static_cast<char>(text.size()));
    }
    out.append(4, '\0');
    out.append(text);
}

class text final : public target {
  public:
    explicit text(const options& with) : options_(with) {}

    void open(listener& to, bool consume) override {
        listener_ = &to;
        consume_ = consume;
        if (consume) connect(consumer_, "consumer", options_.consumer_token);
        connect(producer_, "producer", options_.producer_token);
    }
    void publish(std::uint32_t, std::string_view payload) override {
        notification2::mqtt_service_message message;
        message.client_id = "bench";
        message.payload = payload;
        record_.clear();
        notification2::append_avro(record_, message);
        frame_.clear();
        notification2::append_producer_frame(frame_, ++sequence_, record_);
        append_frame(producer_.out(), frame_);
    }
    void turn(bool wait) override {
        producer_.flush();
        if (consume_) consumer_.flush();
        pollfd ready[2] = {{producer_.descriptor(), POLLIN, 0}, {consumer_.descriptor(), POLLIN, 0}};
        ::poll(ready, consume_ ? 2 : 1, wait && producer_.pending().empty() ? 100 : 0);
        if ((ready[0].revents & POLLIN) != 0) producer_.receive();
        take_frames(producer_, [this](std::string_view frame) {
            if (!notification2::parse_sequence(frame)) throw problem("the producer was told: " + std::string(frame));
            listener_->on_acknowledged(1);
        });
        if (!consume_) return;
        if ((ready[1].revents & POLLIN) != 0) consumer_.receive();
        take_frames(consumer_, [this](std::string_view frame) { on_message(frame); });
    }

  private:
    void connect(line_socket& through, const char* which, const std::string& token) {
        through.connect(options_.port);
        through.out() =
            fmt::format("GET /notification2/{}/?token={} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Version: 13\r\n\r\n",
                        which, token);
        through.flush();
        for (int i = 0; i < 100; ++i) {
            through.wait_and_receive(100);
            const auto end = through.pending().find("\r\n\r\n");
            if (end == std::string_view::npos) continue;
            if (!through.pending().starts_with("HTTP/1.1 101"))
                throw problem("the WebSocket was refused: " + std::string(through.pending()));
            through.take(end + 4);
            return;
        }
        throw problem("the WebSocket did not open");
    }
    template <class Handler> static void take_frames(line_socket& from, Handler handle) {
        for (;;) {
            const auto all = from.pending();
            if (all.size() < 2) return;
            std::size_t header = 2;
            std::size_t size = static_cast<unsigned char>(all[1]);
            if (size == 126) {
                if (all.size() < 4) return;
                header = 4;
                size = static_cast<std::size_t>(static_cast<unsigned char>(all[2])) << 8 |
                       static_cast<unsigned char>(all[3]);
            } else if (size == 127) {
                throw problem("a frame larger than this generator expects");
            }
            if (all.size() < header + size) return;
            if ((all[0] & 0xF) == 8)
                throw problem("the WebSocket was closed: " + std::string(all.substr(header + 2, size - 2)));
            if ((all[0] & 0xF) == 1) handle(all.substr(header, size));
            from.take(header + size);
        }
    }
    void on_message(std::string_view frame) {
        const auto parsed = notification2::parse_consumer_frame(frame);
        record_.clear();
        if (!parsed || !notification2::append_record(record_, parsed->base64, 1 << 20))
            throw problem("a message that cannot be read");
        const auto message = notification2::decode_avro(record_);
        if (!message) throw problem("a record that cannot be read");
        listener_->on_delivered(message->payload);
        append_frame(consumer_.out(), parsed->ack_header);
    }

    const options& options_;
    listener* listener_ = nullptr;
    bool consume_ = false;
    line_socket producer_;
    line_socket consumer_;
    std::string record_;
    std::string frame_;
    std::uint64_t sequence_ = 0;
};

} // namespace

std::unique_ptr<target> make_text(const options& with) { return std::make_unique<text>(with); }

} // namespace bench::store
