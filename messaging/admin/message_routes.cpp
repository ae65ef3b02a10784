// …/topics/{namespace}/{topic}/messages: a look at stored messages without consuming any, and a test message.
#include "messaging/admin/context.hpp"
#include "messaging/admin/json.hpp"
#include "messaging/endpoint/message_convert.hpp"

#include "common/async/event.hpp"
#include "common/core/log.hpp"
#include "common/notification2/token_topic.hpp"
#include "common/record/device_topics.hpp"

#include <boost/asio/this_coro.hpp>

#include <charconv>
#include <memory>

namespace messaging::admin {

namespace {

constexpr std::size_t messages_default = 10;
constexpr std::size_t messages_max = 100;
constexpr std::size_t record_bytes_shown_max = 1024 * 1024;
constexpr std::size_t looks_max = 10'000; ///< consumed messages that are passed over on the way

struct peek_query {
    std::uint64_t after = 0;
    std::size_t count = messages_default;
};

bool read_number(std::string_view text, std::uint64_t& into) noexcept {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), into);
    return !text.empty() && read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

std::string read_peek(const net::http_request& request, peek_query& into) {
    std::uint64_t count = messages_default;
    if (request.has_parameter("limit") && (!read_number(request.parameter("limit"), count) || count == 0))
        return "'limit' must be a number from 1";
    into.count = std::min<std::uint64_t>(count, messages_max);
    if (request.has_parameter("after") && !read_number(request.parameter("after"), into.after))
        return "'after' must be a position";
    return {};
}

struct peeked {
    std::vector<topic::message> messages;
    std::uint64_t next = 0; ///< 0: that was all
};

peeked choose(topic::topic& from, const peek_query& query) {
    peeked chosen;
    std::size_t bytes = 0;
    std::size_t looks = 0;
    std::uint64_t last = query.after;
    for (auto at = from.index_after(query.after); at < from.messages.size(); ++at) {
        const auto& one = from.messages[at];
        if (chosen.messages.size() >= query.count || bytes >= record_bytes_shown_max || ++looks > looks_max) {
            chosen.next = last;
            break;
        }
        last = one.position;
        if (one.pending == 0) continue;
        chosen.messages.push_back(one);
        bytes += one.bytes;
    }
    return chosen;
}

struct reading {
    explicit reading(asio::any_io_executor executor) : there(std::move(executor)) {}
    async::event there;
    std::shared_ptr<const store::fetched> got;
};

/// The records off the read thread, whatever the cache holds: management is in no hurry.
asio::awaitable<std::shared_ptr<const store::fetched>> read_records(topic::hub& hub, const peeked& what) {
    const auto executor = co_await asio::this_coro::executor;
    const auto state = std::make_shared<reading>(executor); // the answer may come after we were cancelled
    std::vector<store::read_request> requests;
    for (const auto& one : what.messages) requests.push_back({one.where, store::entry_bytes(one.bytes)});
    hub.fetch(std::move(requests), [state](std::shared_ptr<const store::fetched> got) {
        state->got = std::move(got);
        state->there.notify();
    });
    co_await state->there.wait();
    co_return state->got;
}

/// One message that waits for its outcome.
class test_message final : public topic::publish_source {
  public:
    test_message(topic::hub& hub, topic::topic& to, asio::any_io_executor executor)
        : settled_event(std::move(executor)), hub_(hub), to_(to) {}
    ~test_message() override {
        hub_.forget(*this);
        hub_.close_topic(to_);
    }
    void on_settled(std::uint64_t, const std::vector<msg_link::run>& runs) override {
        outcome = runs.empty() ? msg_link::reason::ok : runs.front().why;
        settled_event.notify();
    }

    async::event settled_event;
    msg_link::reason outcome = msg_link::reason::shutting_down;

  private:
    topic::hub& hub_;
    topic::topic& to_;
};

std::string make_record(const new_message& from, std::string_view store_topic, std::int64_t now_ms, std::string& out) {
    notification2::mqtt_service_message message;
    message.payload = from.payload;
    if (!from.client_id.empty()) message.client_id = from.client_id;
    if (!from.topic.empty()) message.topic = from.topic;
    if (!from.content_type.empty()) message.content_type = from.content_type;
    if (!from.user_properties.empty()) {
        message.user_properties.emplace();
        for (const auto& [name, value] : from.user_properties) message.user_properties->emplace_back(name, value);
    }
    return endpoint::record_from_message(message, store_topic, now_ms, out);
}

} // namespace

asio::awaitable<net::http_response> peek_messages(management_context& context, call what) {
    peek_query query;
    if (const auto wrong = read_peek(what.request, query); !wrong.empty())
        co_return context.refuse(422, "bad_request", what.request, wrong);
    auto* of = find_tenant(context.hub, what.tenant);
    auto* from = of == nullptr ? nullptr : find_topic(*of, what.parts[0], what.parts[1]);
    if (from == nullptr) co_return context.refuse(404, "unknown_topic", what.request, "there is no such topic");
    const auto chosen = choose(*from, query);
    std::shared_ptr<const store::fetched> got;
    if (!chosen.messages.empty()) got = co_await read_records(context.hub, chosen);
    from = find_topic(*of, what.parts[0], what.parts[1]); // it may have gone meanwhile
    core::json_writer out;
    out.object().key("messages").array();
    for (std::size_t i = 0; got && from != nullptr && i < got->entries.size(); ++i) {
        const auto& entry = got->entries[i];
        // Consumed and overwritten meanwhile: another message, or none, is there now.
        if (entry.error || entry.entry.position != chosen.messages[i].position || entry.entry.topic != from->number)
            continue;
        (void)append_message(out, *from, chosen.messages[i], entry.entry.body);
    }
    out.end();
    if (chosen.next != 0) out.member("next", chosen.next);
    co_return net::json_response(200, std::move(out.end()).text());
}

asio::awaitable<net::http_response> publish_message(management_context& context, call what) {
    const auto& space = what.parts[0];
    const auto& name = what.parts[1];
    if (const auto wrong = check_topic_name(space, name); !wrong.empty())
        co_return context.refuse(422, "bad_request", what.request, wrong);
    new_message wanted;
    auto wrong = read_new_message(what.request.body, wanted);
    std::string record;
    if (wrong.empty() && space == notification2::mqtt_type)
        wrong = make_record(wanted, name, context.clock.wall_ms(), record);
    else if (wrong.empty())
        wrong = endpoint::record_from_notification(wanted.payload, context.clock.wall_ms(), record);
    if (!wrong.empty()) co_return context.refuse(422, "bad_request", what.request, wrong);
    auto why = msg_link::reason::ok;
    auto* to = context.hub.open_topic(what.tenant, space, name, why);
    if (to == nullptr) co_return context.refuse(why, what.request);
    const auto executor = co_await asio::this_coro::executor;
    const auto source = std::make_shared<test_message>(context.hub, *to, executor);
    source->received = 1;
    context.hub.publish(*source, to, nullptr, core::as_bytes(record));
    context.hub.kick();
    co_await source->settled_event.wait();
    const auto outcome = source->outcome;
    if (outcome != msg_link::reason::ok && outcome != msg_link::reason::no_subscribers)
        co_return context.refuse(outcome, what.request);
    context.changed.add();
    core::log::info("test message published",
                    {{"tenant", what.tenant}, {"topic", name}, {"user", what.who.tenant + "/" + what.who.user}});
    const bool stored = outcome == msg_link::reason::ok;
    core::json_writer out;
    out.object().member("stored", stored);
    if (!stored) out.member("reason", msg_link::text(outcome));
    co_return net::json_response(stored ? 201 : 200, std::move(out.end()).text());
}

} // namespace messaging::admin
