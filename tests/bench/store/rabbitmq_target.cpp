// RabbitMQ, one quorum queue per topic, publisher confirms: a confirm means written and synced by the queue's log.
#include "tests/bench/store/target.hpp"

#include <fmt/format.h>

#if BENCH_WITH_RABBITMQ
#include <amqp.h>
#include <amqp_tcp_socket.h>

#include <sys/time.h>

#include <vector>

namespace bench::store {
namespace {

class rabbitmq final : public target {
  public:
    explicit rabbitmq(const options& with) : options_(with) {
        for (std::uint32_t i = 0; i < with.topics; ++i) queues_.push_back(fmt::format("bench.{}", i));
    }
    ~rabbitmq() override {
        if (connection_ != nullptr) amqp_destroy_connection(connection_);
    }

    void open(listener& to, bool consume) override {
        listener_ = &to;
        connection_ = amqp_new_connection();
        auto* socket = amqp_tcp_socket_new(connection_);
        if (socket == nullptr || amqp_socket_open(socket, "127.0.0.1", options_.port) != 0)
            throw problem("rabbitmq: cannot connect");
        check(amqp_login(connection_, "/", 0, 131'072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "login");
        for (const int channel : {publishing, consuming}) {
            amqp_channel_open(connection_, static_cast<amqp_channel_t>(channel));
            check(amqp_get_rpc_reply(connection_), "channel");
        }
        amqp_table_entry_t kind{};
        kind.key = amqp_cstring_bytes("x-queue-type");
        kind.value.kind = AMQP_FIELD_KIND_UTF8;
        kind.value.value.bytes = amqp_cstring_bytes("quorum");
        const amqp_table_t arguments{1, &kind};
        for (const auto& queue : queues_) {
            amqp_queue_declare(connection_, publishing, bytes(queue), 0, 1, 0, 0, arguments);
            check(amqp_get_rpc_reply(connection_), "queue");
        }
        amqp_confirm_select(connection_, publishing);
        check(amqp_get_rpc_reply(connection_), "confirm");
        if (!consume) return;
        amqp_basic_qos(connection_, consuming, 0, 2000, 0);
        check(amqp_get_rpc_reply(connection_), "prefetch");
        for (const auto& queue : queues_) {
            amqp_basic_consume(connection_, consuming, bytes(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
            check(amqp_get_rpc_reply(connection_), "consume");
        }
    }
    void publish(std::uint32_t topic, std::string_view payload) override {
        amqp_basic_properties_t properties{};
        properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
        properties.delivery_mode = 2;
        const amqp_bytes_t body{payload.size(), const_cast<char*>(payload.data())};
        if (amqp_basic_publish(connection_, publishing, amqp_empty_bytes, bytes(queues_[topic]), 0, 0, &properties,
                               body) < 0)
            throw problem("rabbitmq: publish failed");
    }
    void turn(bool wait) override {
        timeval most{0, wait ? 100'000 : 0};
        for (;;) {
            amqp_frame_t frame;
            amqp_maybe_release_buffers(connection_);
            const int got = amqp_simple_wait_frame_noblock(connection_, &frame, &most);
            if (got == AMQP_STATUS_TIMEOUT) break;
            if (got != AMQP_STATUS_OK) throw problem(fmt::format("rabbitmq: {}", amqp_error_string2(got)));
            on_frame(frame);
            most = {0, 0};
        }
        if (deliveries_ > 0) {
            amqp_basic_ack(connection_, consuming, last_tag_, 1);
            deliveries_ = 0;
        }
    }

  private:
    static constexpr int publishing = 1;
    static constexpr int consuming = 2;

    static amqp_bytes_t bytes(const std::string& text) { return {text.size(), const_cast<char*>(text.data())}; }
    static void check(const amqp_rpc_reply_t& reply, const char* what) {
        if (reply.reply_type != AMQP_RESPONSE_NORMAL) throw problem(std::string("rabbitmq: refused: ") + what);
    }
    void on_frame(const amqp_frame_t& frame) {
        if (frame.frame_type == AMQP_FRAME_BODY) {
            listener_->on_delivered(
                {static_cast<const char*>(frame.payload.body_fragment.bytes), frame.payload.body_fragment.len});
            ++deliveries_;
            return;
        }
        if (frame.frame_type != AMQP_FRAME_METHOD) return;
        if (frame.payload.method.id == AMQP_BASIC_ACK_METHOD) {
            const auto* const ack = static_cast<amqp_basic_ack_t*>(frame.payload.method.decoded);
            const auto count = ack->multiple != 0 ? ack->delivery_tag - confirmed_ : 1;
            if (ack->multiple != 0 || ack->delivery_tag > confirmed_) confirmed_ = ack->delivery_tag;
            listener_->on_acknowledged(count);
        } else if (frame.payload.method.id == AMQP_BASIC_DELIVER_METHOD) {
            last_tag_ = static_cast<amqp_basic_deliver_t*>(frame.payload.method.decoded)->delivery_tag;
        } else {
            throw problem("rabbitmq: unexpected " + std::string(amqp_method_name(frame.payload.method.id)));
        }
    }

    const options& options_;
    listener* listener_ = nullptr;
    amqp_connection_state_t connection_ = nullptr;
    std::vector<std::string> queues_;
    std::uint64_t confirmed_ = 0;
    std::uint64_t last_tag_ = 0;
    std::uint64_t deliveries_ = 0;
};

} // namespace

std::unique_ptr<target> make_rabbitmq(const options& with) { return std::make_unique<rabbitmq>(with); }

} // namespace bench::store

#else

namespace bench::store {
std::unique_ptr<target> make_rabbitmq(const options&) {
    throw problem(
        "store-load was built without RabbitMQ's client: apt-get install librabbitmq-dev, then configure again");
}
} // namespace bench::store

#endif
