#include "mapper/uplink/link_router.hpp"

#include <algorithm>

namespace mapper::uplink {

namespace {
constexpr std::string_view state_namespace = "mapper";
constexpr std::string_view message_namespace = "mqtt";
} // namespace

link_router::link_router(asio::any_io_executor executor, msg_link::link_options options)
    : link_(std::move(executor), std::move(options), *this) {}

link_router::~link_router() = default;

asio::awaitable<void> link_router::stop(std::chrono::milliseconds patience) {
    co_await link_.stop(patience);
    stopped_ = true;
    unsettled_.clear();
    questions_.clear();
}

std::uint32_t link_router::add(stream_handler& of) {
    streams_[++last_stream_] = &of;
    return last_stream_;
}

std::uint32_t link_router::renumber(std::uint32_t old) {
    auto* of = find(old);
    streams_.erase(old);
    streams_[++last_stream_] = of;
    return last_stream_;
}

void link_router::remove(std::uint32_t stream) { streams_.erase(stream); }

stream_handler* link_router::find(std::uint32_t stream) const {
    const auto found = streams_.find(stream);
    return found == streams_.end() ? nullptr : found->second;
}

void link_router::publish(const std::string& tenant, std::string_view topic, const record::fields& message,
                          settled_handler then) {
    const auto number = link_.topic_number(tenant, message_namespace, topic);
    unsettled_.push_back({link_.send_publish(number, 0, message), std::move(then)});
}

void link_router::put_state(const std::string& tenant, std::string key, std::optional<std::string> value,
                            settled_handler then) {
    question made;
    made.put = true;
    made.flag = value.has_value();
    made.tenant = tenant;
    made.key = std::move(key);
    if (value) made.value = std::move(*value);
    made.put_done = std::move(then);
    const auto request = next_request();
    ask(request, questions_.emplace(request, std::move(made)).first->second);
}

void link_router::get_state(const std::string& tenant, std::string key, bool prefix, state_handler then) {
    question made;
    made.flag = prefix;
    made.tenant = tenant;
    made.key = std::move(key);
    made.got = std::move(then);
    const auto request = next_request();
    ask(request, questions_.emplace(request, std::move(made)).first->second);
}

void link_router::ask(std::uint32_t request, const question& what) {
    const msg_link::state_request frame{request,  what.tenant, state_namespace,
                                        what.key, what.flag,   core::as_bytes(what.value)};
    if (what.put)
        link_.send_state_put(frame);
    else
        link_.send_state_get(frame);
}

void link_router::on_up(bool resumed) {
    // In the order they were asked, with new numbers: the old ones may have been used.
    std::vector<std::uint32_t> numbers;
    for (const auto& [number, what] : questions_) numbers.push_back(number);
    std::sort(numbers.begin(), numbers.end());
    for (const auto number : numbers) {
        auto moved = questions_.extract(number);
        moved.key() = next_request();
        ask(moved.key(), moved.mapped());
        questions_.insert(std::move(moved));
    }
    const auto all = streams_;
    for (const auto& [stream, of] : all) of->on_up(resumed);
}

void link_router::on_resume(msg_link::resume_list& into) {
    for (const auto& [stream, of] : streams_) of->on_resume(into);
}

void link_router::on_settled(std::uint64_t up_to, const std::vector<msg_link::run>& runs) {
    while (!stopped_ && !unsettled_.empty() && unsettled_.front().sequence <= up_to) {
        auto done = std::move(unsettled_.front());
        unsettled_.pop_front();
        auto why = msg_link::reason::ok;
        for (const auto& run : runs)
            if (done.sequence >= run.first && done.sequence - run.first < run.length) why = run.why;
        done.then(why);
    }
}

void link_router::on_subscribed(const msg_link::stream_answer& answer) {
    if (auto* of = find(answer.stream)) of->on_subscribed(answer);
}

void link_router::on_filter_done(const msg_link::stream_answer& answer) {
    if (auto* of = find(answer.stream)) of->on_filter_done(answer);
}

void link_router::on_stream_ended(const msg_link::stream_answer& answer) {
    if (auto* of = find(answer.stream)) of->on_stream_ended(answer);
}

void link_router::on_deliver(const msg_link::deliver& frame, const msg_link::topic_name& from) {
    for (std::size_t i = 0; i < frame.streams.size(); ++i)
        if (auto* of = find(frame.streams[i] & ~msg_link::must_acknowledge)) of->on_deliver(frame, from);
}

void link_router::on_state(const msg_link::state& answer) {
    auto asked = questions_.extract(answer.request);
    if (asked.empty()) return;
    auto& what = asked.mapped();
    if (what.put) {
        what.put_done(answer.why);
        return;
    }
    std::vector<state_item> items;
    for (const auto& one : answer.entries)
        items.push_back({std::string(one.key), std::string(core::as_text(one.value))});
    what.got(answer.why, std::move(items));
}

void link_router::on_batch_done() {
    for (const auto& [stream, of] : streams_) of->on_batch_done();
}

} // namespace mapper::uplink
