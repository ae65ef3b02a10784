#include "messaging/endpoint/consumer_endpoint.hpp"

#include "common/async/task_group.hpp"
#include "common/core/log.hpp"
#include "common/notification2/frame.hpp"
#include "common/record/device_topics.hpp"
#include "messaging/endpoint/durable.hpp"
#include "messaging/endpoint/message_convert.hpp"
#include "messaging/endpoint/text_outbox.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <limits>
#include <memory>

namespace messaging::endpoint {

namespace {

namespace n2 = notification2;
constexpr std::string_view door = "consumer";
constexpr std::size_t reply_bytes_max = 4096; ///< acknowledgements have 23 bytes

/// One consumer connection: the only stream of its sink. Attached from the decision on the upgrade, so that two of them
/// cannot both find an exclusive subscriber free; handed something only once `start` was called.
class consumer final : public topic::delivery_sink, public std::enable_shared_from_this<consumer> {
  public:
    consumer(api_context& context, asio::any_io_executor executor, topic::subscription& of,
             const n2::token_topic& topic, std::string_view name, std::string peer)
        : outbox(executor), context_(context), executor_(std::move(executor)),
          notifications_(topic.type != n2::mqtt_type),
          extra_(topic.name == record::from_device ? extra_properties::from_device : extra_properties::none),
          peer_(std::move(peer)) {
        with_ = context_.hub.attach(of, *this, 0, name);
        granted_ = context_.options.unacknowledged_max;
        context_.hub.credit(*with_, granted_, std::numeric_limits<std::uint64_t>::max());
        context_.consumers.add(1);
    }
    ~consumer() override {
        context_.consumers.add(-1);
        if (with_ != nullptr) context_.hub.detach(*with_);
    }

    const std::string& peer() const noexcept { return peer_; }
    topic::subscription* subscription() const noexcept { return with_ != nullptr ? with_->of : nullptr; }

    void start() {
        started_ = true;
        context_.hub.sink_ready(*this);
    }
    /// A frame left the outbox.
    void written() {
        if (!waiting.empty() && outbox.bytes() * 2 <= context_.options.outbox_bytes_max) context_.hub.sink_ready(*this);
    }

    void on_text(std::string_view text) {
        const auto reply = n2::parse_consumer_reply(text);
        if (reply.unsubscribe) return unsubscribe();
        const auto id = n2::parse_ack_header(reply.ack_header);
        if (!id || id->first != mark() || !outstanding(id->second)) return unknown_acknowledgement();
        acknowledge(id->second);
        context_.acknowledged.add();
    }

    void wrong(std::string_view reason, std::uint16_t code, std::string_view why) {
        context_.note_refusal(door, reason, peer_, why);
        outbox.close_now(code, why);
    }

    bool ready() const noexcept override {
        return started_ && !outbox.closing() && outbox.bytes() < context_.options.outbox_bytes_max;
    }
    void deliver(const std::vector<std::uint32_t>&, const topic::topic& from, std::uint64_t position, std::uint8_t,
                 core::byte_span record) override;
    void ended(std::uint32_t, msg_link::reason why, std::string_view message) override {
        if (std::exchange(with_, nullptr) == nullptr) return; // asked for by this connection
        if (why == msg_link::reason::removed)
            outbox.close_now(1000, "unsubscribed");
        else
            wrong(msg_link::name(why), 1013, message);
    }

    text_outbox outbox;

  private:
    /// Tells acknowledgements of this store's life from older ones, whose positions mean nothing here.
    std::uint64_t mark() const noexcept { return context_.hub.incarnation() & 0xFFFFFFFF; }

    bool outstanding(std::uint64_t position) const noexcept {
        if (with_ == nullptr) return false;
        auto& list = with_->of->outstanding_list;
        const auto found = with_->of->outstanding_from(position);
        return found != list.end() && found->position == position && !found->acknowledged && found->with == with_;
    }

    void acknowledge(std::uint64_t position) {
        if (!outstanding(position)) return;
        context_.hub.acknowledge(*with_, position, position);
        context_.hub.credit(*with_, ++granted_, std::numeric_limits<std::uint64_t>::max());
    }

    /// Counted each time, logged once a connection: an application that acknowledges twice is no news.
    void unknown_acknowledgement() {
        constexpr std::string_view reason = "unknown_acknowledgement";
        if (std::exchange(told_unknown_, true))
            context_.refused.with({std::string(door), std::string(reason)}).add();
        else
            context_.note_refusal(door, reason, peer_, "no message with that acknowledgement header waits here");
    }

    void unsubscribe() {
        if (with_ == nullptr) return;
        core::log::info("unsubscribed", {{"subscription", with_->of->name}, {"peer", peer_}});
        auto& removed = *with_->of;
        with_ = nullptr;
        context_.hub.remove(removed, msg_link::reason::removed);
        // The close is the client's proof, so it comes when the removal is on disk.
        context_.hub.when_durable([weak = weak_from_this()](core::error_code error) {
            const auto self = weak.lock();
            if (self) self->outbox.close_now(error ? 1011 : 1000, error ? "the store failed" : "unsubscribed");
        });
    }

    api_context& context_;
    asio::any_io_executor executor_;
    topic::consumer* with_ = nullptr; ///< null once the subscription is gone
    bool notifications_;
    extra_properties extra_;
    bool started_ = false;
    bool told_unknown_ = false;
    std::uint64_t granted_ = 0; ///< messages in all; one more with each acknowledgement
    std::string peer_;
    std::string avro_;
};

void consumer::deliver(const std::vector<std::uint32_t>&, const topic::topic& from, std::uint64_t position,
                       std::uint8_t, core::byte_span record) {
    std::string header;
    n2::append_ack_header(header, {mark(), position});
    std::string frame;
    bool good = false;
    if (notifications_) {
        good = append_notification_frame(frame, header, record);
    } else {
        avro_.clear();
        good = append_message(avro_, record, from.name(), extra_);
        if (good) n2::append_consumer_frame(frame, header, avro_);
    }
    if (good) {
        context_.delivered.add();
        outbox.push(std::move(frame));
        return;
    }
    // It can never be sent, so it must not stay. Not here: the hub is in the midst of handing it over.
    context_.note_refusal(door, "unpresentable", peer_,
                          "a stored message cannot be put into this protocol's frames; skipped");
    asio::post(executor_, [weak = weak_from_this(), position] {
        if (const auto self = weak.lock()) self->acknowledge(position);
    });
}

asio::awaitable<void> serve(std::shared_ptr<consumer> self, std::unique_ptr<net::websocket> socket,
                            api_context& context) {
    co_await asio::this_coro::throw_if_cancelled(false); // the end below must be reached
    const auto executor = co_await asio::this_coro::executor;
    async::task_group tasks(executor, "consumer");
    if (const auto* of = self->subscription())
        core::log::info("consumer connected",
                        {{"peer", self->peer()}, {"tenant", of->owner().name}, {"subscription", of->name}});
    tasks.spawn("write", self->outbox.run(*socket, [at = self.get()] { at->written(); }));
    self->start();
    std::string text;
    std::string why;
    while (true) {
        const auto got = co_await socket->read(text);
        if (!got) {
            context.note_read_failure(door, self->peer(), got.error());
            why = got.error().message();
            break;
        }
        const bool ending = co_await cancelled();
        if (ending) break;
        if (self->outbox.closing()) continue; // only the peer's close is still of interest
        if (socket->last_was_text())
            self->on_text(text);
        else
            self->wrong("binary_frame", 1003, "text frames only");
    }
    tasks.stop();
    socket->abort();
    co_await tasks.join();
    core::log::info("consumer disconnected", {{"peer", self->peer()}, {"why", why}});
}

topic::subscription* find_or_make(api_context& context, const n2::token_claims& claims, msg_link::reason& why) {
    const auto name = subscription_name(claims.subscriber, claims.topic.name, claims.is_volatile);
    topic::subscribe_request wanted;
    wanted.tenant = claims.topic.tenant;
    wanted.name_space = claims.topic.type;
    wanted.name = name;
    wanted.type = claims.shared ? msg_link::subscription_type::key_shared : msg_link::subscription_type::exclusive;
    wanted.durability = claims.is_volatile ? msg_link::durability::volatile_ : msg_link::durability::durable;
    auto* found = context.hub.subscribe(wanted, why);
    if (found == nullptr || !found->filters.empty()) return found;
    const auto& topic = claims.topic;
    const auto filter = topic.type == n2::mqtt_type ? filter_of(topic.name) : std::string_view(topic.name);
    why = context.hub.add_filter(*found, filter, 2, msg_link::start_at::newest);
    if (why == msg_link::reason::ok) return found;
    context.hub.remove(*found, msg_link::reason::ok);
    return nullptr;
}

net::http_response refused(api_context& context, const net::http_request& request, msg_link::reason why) {
    switch (why) {
    case msg_link::reason::busy: return context.refuse(door, "busy", 409, request, msg_link::text(why));
    case msg_link::reason::bad_request:
        return context.refuse(door, "busy", 409, request, "the subscriber is in use with another value of `shared`");
    default: return context.refuse(door, msg_link::name(why), 422, request, msg_link::text(why));
    }
}

} // namespace

asio::awaitable<net::upgrade_decision> upgrade_consumer(api_context& context, net::http_request request) {
    net::http_response refusal;
    const auto claims = context.admit(door, request, refusal);
    if (!claims) co_return net::upgrade_decision(std::move(refusal));
    const auto executor = co_await asio::this_coro::executor;
    constexpr std::size_t consumer_name_max = 512;
    if (request.parameter("consumer").size() > consumer_name_max)
        co_return net::upgrade_decision(
            context.refuse(door, "bad_request", 422, request, "`consumer` may have at most 512 bytes"));
    auto why = msg_link::reason::ok;
    auto* of = find_or_make(context, *claims, why);
    if (of == nullptr) co_return net::upgrade_decision(refused(context, request, why));
    auto made = std::make_shared<consumer>(context, executor, *of, claims->topic, request.parameter("consumer"),
                                           request.remote_address);
    const auto error = co_await durable(context.hub, executor);
    if (error) co_return net::upgrade_decision(context.refuse(door, "store_failed", 503, request, error.message()));
    net::websocket_options options;
    options.idle_timeout = context.options.idle_timeout;
    options.coalesce = true;
    options.message_bytes_max = reply_bytes_max;
    co_return net::upgrade_decision(std::move(options), [made, &context](std::unique_ptr<net::websocket> socket) {
        return serve(made, std::move(socket), context);
    });
}

} // namespace messaging::endpoint
