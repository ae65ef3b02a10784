#include "messaging/endpoint/producer_endpoint.hpp"

#include "common/async/event.hpp"
#include "common/async/task_group.hpp"
#include "common/core/base64.hpp"
#include "common/core/log.hpp"
#include "common/notification2/frame.hpp"
#include "common/record/device_topics.hpp"
#include "messaging/endpoint/durable.hpp"
#include "messaging/endpoint/message_convert.hpp"
#include "messaging/endpoint/text_outbox.hpp"

#include <boost/asio/this_coro.hpp>

#include <deque>
#include <memory>

namespace messaging::endpoint {

namespace {

namespace n2 = notification2;
constexpr std::string_view door = "producer";

/// One producer connection. No resume: the client repeats what was not acknowledged.
class producer final : public topic::publish_source {
  public:
    producer(api_context& context, asio::any_io_executor executor, const n2::token_claims& claims, topic::topic& to,
             std::string peer)
        : outbox(executor), room(executor), context_(context), to_(to), peer_(std::move(peer)),
          notifications_(claims.topic.type != n2::mqtt_type) {
        guard_.fail_after_refusal = true; // nothing may overtake a refused message, it will be sent again
        context_.producers.add(1);
    }
    ~producer() override {
        context_.producers.add(-1);
        context_.hub.forget(*this);
        context_.hub.close_topic(to_);
    }

    const std::string& peer() const noexcept { return peer_; }
    const topic::topic& target() const noexcept { return to_; }
    bool full() const noexcept {
        const auto& limits = context_.options;
        return sequences_.size() >= limits.unsettled_frames_max || unsettled_bytes_ >= limits.unsettled_bytes_max ||
               outbox.bytes() >= limits.outbox_bytes_max;
    }

    void on_frame(std::string_view text) {
        const auto frame = n2::parse_producer_frame(text);
        if (!frame) return wrong("bad_frame", 1008, frame.error().message());
        const auto most = context_.hub.defaults().record_bytes;
        bytes_.clear();
        if (const auto decoded = n2::append_record(bytes_, frame->base64, most); !decoded) {
            if (decoded.error() != n2::errc::too_large) return wrong("bad_base64", 1008, decoded.error().message());
            outbox.push(std::to_string(frame->sequence) + " error too_large");
            return wrong("too_large", 1009, "the decoded record is larger than " + std::to_string(most) + " bytes");
        }
        record_.clear();
        std::string why;
        if (notifications_) {
            why = record_from_notification(bytes_, context_.clock.wall_ms(), record_);
        } else {
            const auto message = n2::decode_avro(bytes_);
            if (!message) return wrong("bad_avro", 1008, message.error().message());
            why = record_from_message(*message, to_.name(), context_.clock.wall_ms(), record_);
        }
        if (!why.empty()) return wrong("bad_metadata", 1008, why);
        ++received;
        sequences_.push_back({frame->sequence, text.size()});
        unsettled_bytes_ += text.size();
        context_.published.add();
        context_.hub.publish(*this, &to_, &guard_, core::as_bytes(record_));
    }

    void wrong(std::string_view reason, std::uint16_t code, std::string_view why) {
        context_.note_refusal(door, reason, peer_, why);
        outbox.close(code, why);
    }

    void on_settled(std::uint64_t up_to, const std::vector<msg_link::run>& runs) override {
        auto run = runs.begin();
        for (; told_ < up_to && !sequences_.empty(); sequences_.pop_front()) {
            ++told_;
            unsettled_bytes_ -= sequences_.front().bytes;
            if (outbox.closing()) continue;
            while (run != runs.end() && run->first + run->length <= told_) ++run;
            const bool in_run = run != runs.end() && run->first <= told_;
            if (!in_run || run->why == msg_link::reason::ok || run->why == msg_link::reason::no_subscribers) {
                outbox.push(std::to_string(sequences_.front().sequence));
                continue;
            }
            guard_.failed = true;
            outbox.push(std::to_string(sequences_.front().sequence) + " error " +
                        std::string(msg_link::name(run->why)));
            const std::uint16_t code = run->why == msg_link::reason::too_large ? 1009 : 1013;
            wrong(msg_link::name(run->why), code, msg_link::text(run->why));
        }
        room.notify();
    }

    text_outbox outbox;
    async::event room; ///< something was settled or written

  private:
    struct sent {
        std::uint64_t sequence; ///< the client's; ours begin at 1 on each connection
        std::size_t bytes;
    };

    api_context& context_;
    topic::topic& to_;
    std::string peer_;
    bool notifications_;
    topic::claim guard_; ///< of this connection alone, unknown to the hub
    std::deque<sent> sequences_;
    std::size_t unsettled_bytes_ = 0;
    std::uint64_t told_ = 0;
    std::string bytes_;
    std::string record_;
};

/// Until there is room again; false when the connection shall end.
asio::awaitable<bool> wait_for_room(producer& self) {
    while (self.full() && !self.outbox.closing()) {
        co_await self.room.wait();
        const bool ending = co_await cancelled();
        if (ending) co_return false;
    }
    co_return true;
}

/// Until the connection ends, which `why` then explains.
asio::awaitable<void> read_loop(producer& self, net::websocket& socket, api_context& context, std::string& why) {
    std::string frame;
    while (true) {
        if (self.full()) {
            const bool go_on = co_await wait_for_room(self);
            if (!go_on) co_return;
        }
        const auto got = co_await socket.read(frame);
        if (!got) {
            context.note_read_failure(door, self.peer(), got.error());
            why = got.error().message();
            co_return;
        }
        const bool ending = co_await cancelled();
        if (ending) co_return;
        if (self.outbox.closing()) continue; // only the peer's close is still of interest
        if (socket.last_was_text())
            self.on_frame(frame);
        else
            self.wrong("binary_frame", 1003, "text frames only");
    }
}

asio::awaitable<void> serve(std::shared_ptr<producer> self, std::unique_ptr<net::websocket> socket,
                            api_context& context) {
    co_await asio::this_coro::throw_if_cancelled(false); // the end below must be reached
    const auto executor = co_await asio::this_coro::executor;
    async::task_group tasks(executor, "producer");
    core::log::info(
        "producer connected",
        {{"peer", self->peer()}, {"tenant", self->target().owner().name}, {"topic", self->target().name()}});
    tasks.spawn("write", self->outbox.run(*socket, [at = self.get()] { at->room.notify(); }));
    std::string why;
    co_await read_loop(*self, *socket, context, why);
    tasks.stop();
    socket->abort();
    co_await tasks.join();
    core::log::info("producer disconnected", {{"peer", self->peer()}, {"frames", self->received}, {"why", why}});
}

} // namespace

asio::awaitable<net::upgrade_decision> upgrade_producer(api_context& context, net::http_request request) {
    net::http_response refusal;
    const auto claims = context.admit(door, request, refusal);
    if (!claims) co_return net::upgrade_decision(std::move(refusal));
    if (claims->topic.name.starts_with(record::service_prefix))
        co_return net::upgrade_decision(
            context.refuse(door, "reserved", 422, request, "only the service itself publishes on this topic"));
    const auto executor = co_await asio::this_coro::executor;
    auto why = msg_link::reason::ok;
    auto* to = context.hub.open_topic(claims->topic.tenant, claims->topic.type, claims->topic.name, why);
    if (to == nullptr)
        co_return net::upgrade_decision(context.refuse(door, msg_link::name(why), 422, request, msg_link::text(why)));
    auto made = std::make_shared<producer>(context, executor, *claims, *to, request.remote_address);
    net::websocket_options options;
    options.idle_timeout = context.options.idle_timeout;
    options.coalesce = true;
    options.message_bytes_max =
        core::base64_length(context.hub.defaults().record_bytes) * 2; // what is a little too large gets an error line
    co_return net::upgrade_decision(std::move(options), [made, &context](std::unique_ptr<net::websocket> socket) {
        return serve(made, std::move(socket), context);
    });
}

} // namespace messaging::endpoint
