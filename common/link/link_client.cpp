#include "common/link/link_client.hpp"

#include "common/core/log.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "common/async/tokens.hpp"

#include <random>

namespace msg_link {

namespace {

std::uint64_t random_number() {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) | device();
}

net::websocket_target target_of(const link_options& options) {
    net::websocket_target target;
    target.url = options.url;
    const auto host = target.url.find("://");
    if (host != std::string::npos && target.url.find('/', host + 3) == std::string::npos) target.url += "/link";
    target.ca_file = options.ca_file;
    target.headers.add("Authorization", "Bearer " + options.token);
    target.options.idle_timeout = options.idle_timeout;
    target.options.message_bytes_max = batch_bytes_max;
    target.options.subprotocol = std::string(subprotocol);
    return target;
}

} // namespace

link_client::link_client(asio::any_io_executor executor, link_options options, link_handler& handler)
    : executor_(executor), options_(std::move(options)), handler_(handler), tasks_(executor, options_.name),
      wake_(executor), drained_(executor), backoff_(options_.reconnect_first, options_.reconnect_max),
      session_(random_number()), producer_(random_number() | 1) {}

link_client::~link_client() = default;

void link_client::start() { tasks_.spawn("run", run()); }

asio::awaitable<void> link_client::stop(std::chrono::milliseconds patience) {
    stopping_ = true;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (up_ && (out_.frames() > 0 || !control_.empty())) {
        const bool in_time = co_await drained_.wait_until(deadline);
        if (!in_time) break;
    }
    tasks_.stop();
    if (socket_) socket_->abort();
    co_await tasks_.join();
    up_ = false;
}

asio::awaitable<void> link_client::run() {
    while (!stopping_) {
        const auto failed = co_await open_session();
        if (!failed) {
            backoff_.reset();
            async::task_group writer(executor_, options_.name);
            writer.spawn("write", write_loop(socket_));
            const auto why = co_await read_loop();
            socket_->abort();
            writer.stop();
            wake_.notify();
            co_await writer.join();
            last_error_ = why;
            core::log::warn("link lost", {{"link", options_.name}, {"why", why}});
            go_down();
        }
        if (stopping_) break;
        asio::steady_timer timer(executor_);
        timer.expires_after(backoff_.next());
        auto [error] = co_await timer.async_wait(async::as_result);
        if (error) co_return;
    }
}

/// Connects and says hello; the welcome is read by `read_loop`.
asio::awaitable<core::error_code> link_client::open_session() {
    net::upgrade_refusal refusal;
    if (options_.token_source) {
        std::string why;
        options_.token = options_.token_source(why);
        if (options_.token.empty()) {
            if (why != last_error_) core::log::warn("link not opened", {{"link", options_.name}, {"why", why}});
            last_error_ = why;
            co_return boost::system::errc::make_error_code(boost::system::errc::permission_denied);
        }
    }
    auto target = target_of(options_);
    auto opening = options_.connect ? options_.connect(std::move(target), &refusal)
                                    : net::websocket_connect(std::move(target), &refusal);
    auto opened = co_await std::move(opening);
    if (!opened) {
        auto why = opened.error().message();
        if (refusal.status != 0) why = "HTTP " + std::to_string(refusal.status) + " " + refusal.body;
        if (why != last_error_)
            core::log::warn("link not opened", {{"link", options_.name}, {"url", options_.url}, {"why", why}});
        last_error_ = why;
        co_return opened.error();
    }
    socket_ = std::move(*opened);
    std::string greeting;
    hello frame;
    frame.version = speaks_;
    frame.session = session_;
    frame.producer = producer_;
    frame.first_sequence = out_.first_unsettled();
    encode(greeting, frame);
    resume_list resume(greeting);
    handler_.on_resume(resume);
    encode_hello_end(greeting);
    // A broker with many clients resumes more than one batch holds: cut at frame boundaries.
    std::size_t at = 0;
    while (at < greeting.size()) {
        std::size_t end = at;
        while (end < greeting.size()) {
            const std::size_t frame_bytes = 4 + core::load_big_endian<std::uint32_t>(greeting.data() + end);
            if (end > at && end + frame_bytes - at > batch_bytes_target) break;
            end += frame_bytes;
        }
        const auto error =
            co_await socket_->write(core::as_bytes(std::string_view(greeting).substr(at, end - at)), false);
        if (error) co_return error;
        at = end;
    }
    co_return core::error_code{};
}

asio::awaitable<std::string> link_client::read_loop() {
    while (true) {
        const auto got = co_await socket_->read(batch_in_);
        if (!got) {
            auto why = got.error().message();
            if (socket_->close_code() != 0)
                why += ": " + std::to_string(socket_->close_code()) + " " + socket_->close_reason();
            // An older server refuses our version: the next attempt speaks its own (FORMAT.md §9).
            const bool unknown = socket_->close_reason().starts_with(wrong_version);
            speaks_ = static_cast<std::uint16_t>(unknown && !up_ && speaks_ == version ? version - 1 : version);
            co_return why;
        }
        ++counters_.batches_in;
        counters_.bytes_in += batch_in_.size();
        auto wrong = on_batch(core::as_bytes(batch_in_));
        if (!wrong.empty()) co_return wrong;
    }
}

std::string link_client::on_batch(core::byte_span batch) {
    raw_frame frame;
    while (next_frame(batch, frame)) {
        auto wrong = on_frame(frame);
        if (!wrong.empty()) return wrong;
    }
    if (!batch.empty()) return "the server sent a cut frame";
    if (up_) handler_.on_batch_done();
    drained_.notify();
    return {};
}

std::string link_client::on_frame(const raw_frame& frame) {
    const std::string malformed =
        "the server sent a malformed frame of type " + std::to_string(static_cast<unsigned>(frame.kind));
    if (!up_ && frame.kind != type::welcome) return "the server sent a frame before its welcome";
    switch (frame.kind) {
    case type::deliver: {
        deliver one;
        if (!decode(frame.body, one)) return malformed;
        const auto from = server_topics_.find(one.topic);
        if (from == server_topics_.end()) return "the server delivered from a topic it never named";
        handler_.on_deliver(one, from->second);
        return_window(one);
        return {};
    }
    case type::settled: {
        settled one;
        if (!decode(frame.body, one)) return malformed;
        out_.settle(one.up_to);
        handler_.on_settled(one.up_to, one.runs);
        close_settled_topics(one.up_to);
        return {};
    }
    case type::topic_to_client: {
        topic one;
        if (!decode(frame.body, one)) return malformed;
        server_topics_[one.number] = {std::string(one.tenant), std::string(one.name_space), std::string(one.name)};
        return {};
    }
    case type::topic_forgotten: {
        std::uint32_t number = 0;
        if (!decode_number(frame.body, number) || server_topics_.erase(number) == 0) return malformed;
        return {};
    }
    case type::claimed: {
        claimed one;
        if (!decode(frame.body, one)) return malformed;
        handler_.on_claimed(one);
        return {};
    }
    case type::evicted: {
        evicted one;
        if (!decode(frame.body, one)) return malformed;
        handler_.on_evicted(one.claim, one.why);
        return {};
    }
    case type::subscribed:
    case type::stream_ended: {
        stream_answer one;
        if (!decode_subscribed(frame.body, one)) return malformed;
        if (frame.kind == type::subscribed)
            handler_.on_subscribed(one);
        else
            handler_.on_stream_ended(one);
        return {};
    }
    case type::filter_done: {
        stream_answer one;
        if (!decode_filter_done(frame.body, one)) return malformed;
        handler_.on_filter_done(one);
        return {};
    }
    case type::state: {
        state one;
        if (!decode(frame.body, one)) return malformed;
        handler_.on_state(one);
        return {};
    }
    case type::welcome: {
        welcome one;
        if (up_ || !decode(frame.body, one)) return malformed;
        on_welcome(one);
        return {};
    }
    default: return malformed;
    }
}

void link_client::on_welcome(const welcome& frame) {
    ++counters_.connects;
    terms_ = frame;
    last_error_.clear();
    out_.rewind(frame.settled);
    taken_records_ = taken_bytes_ = returned_records_ = returned_bytes_ = 0;
    server_topics_.clear();
    control_.clear();
    up_ = true;
    for (const auto& [number, one] : topics_.open())
        encode(control_, type::topic, topic{number, one.tenant, one.name_space, one.name});
    core::log::info("link up", {{"link", options_.name}, {"resumed", frame.resumed}, {"unsettled", out_.frames()}});
    handler_.on_settled(frame.settled, frame.runs);
    close_settled_topics(frame.settled);
    handler_.on_up(frame.resumed);
    wake();
}

void link_client::return_window(const deliver& frame) {
    constexpr std::uint64_t records_step = 256;
    constexpr std::uint64_t bytes_step = 256 * 1024;
    ++taken_records_;
    taken_bytes_ += frame.record.size();
    if (taken_records_ - returned_records_ < records_step && taken_bytes_ - returned_bytes_ < bytes_step) return;
    returned_records_ = taken_records_;
    returned_bytes_ = taken_bytes_;
    encode(control(), window{taken_records_, taken_bytes_});
}

void link_client::go_down() {
    const bool was_up = up_;
    up_ = false;
    control_.clear();
    drained_.notify();
    if (was_up) handler_.on_down();
}

asio::awaitable<void> link_client::write_loop(std::shared_ptr<net::websocket> over) {
    while (true) {
        if (!up_ || (control_.empty() && !out_.has_unwritten())) {
            co_await wake_.wait();
            continue;
        }
        batch_out_.clear();
        batch_out_.swap(control_);
        core::byte_span bytes = core::as_bytes(batch_out_);
        bool took = false;
        if (batch_out_.size() <= batch_bytes_target && out_.has_unwritten()) {
            took = true;
            const auto& chunk = out_.take();
            if (batch_out_.empty())
                bytes = core::as_bytes(chunk);
            else {
                batch_out_.append(chunk);
                bytes = core::as_bytes(batch_out_);
            }
        }
        ++counters_.batches_out;
        counters_.bytes_out += bytes.size();
        const auto error = co_await over->write(bytes, false);
        if (took) out_.written_done();
        if (error) {
            over->abort(); // the reader tells why
            co_return;
        }
        drained_.notify();
    }
}

std::string& link_client::control() {
    wake();
    return control_;
}

std::uint32_t link_client::topic_number(std::string_view tenant, std::string_view name_space, std::string_view name) {
    const auto found = topics_.find_or_open(tenant, name_space, name, std::chrono::steady_clock::now());
    if (found.fresh && up_) encode(control(), type::topic, topic{found.number, tenant, name_space, name});
    return found.number;
}

void link_client::close_idle_topics(std::chrono::milliseconds idle) {
    topics_.retire_unused(std::chrono::steady_clock::now() - idle, out_.next_sequence() - 1);
    close_settled_topics(out_.first_unsettled() - 1);
}

void link_client::close_settled_topics(std::uint64_t settled) {
    if (!up_) return; // the next connection names what is still open
    for (const auto number : topics_.take_closed(settled)) encode_topic_close(control(), number);
}

std::uint64_t link_client::send_publish(std::uint32_t topic, std::uint64_t claim, const record::fields& message) {
    const auto size = record::encoded_size(message);
    auto& to = out_.room(size + 17);
    encode_publish_head(to, topic, claim, size);
    record::append(to, message);
    wake();
    return out_.appended(size + 17);
}

std::uint64_t link_client::send_publish(std::uint32_t topic, std::uint64_t claim, core::byte_span record) {
    auto& to = out_.room(record.size() + 17);
    encode_publish_head(to, topic, claim, record.size());
    to.append(core::as_text(record));
    wake();
    return out_.appended(record.size() + 17);
}

std::uint64_t link_client::send_claim(const claim& request) {
    auto& to = out_.room(64 + request.client_id.size() + request.will_record.size());
    const auto before = to.size();
    encode(to, request);
    wake();
    return out_.appended(to.size() - before);
}

std::uint64_t link_client::send_release(std::uint64_t claim, bool publish_will) {
    auto& to = out_.room(16);
    const auto before = to.size();
    encode(to, release{claim, publish_will});
    wake();
    return out_.appended(to.size() - before);
}

void link_client::send_subscribe(const subscribe& frame) {
    if (!up_) return;
    if (frame.type == subscription_type::key_shared && terms_.version < 2) {
        handler_.on_subscribed({frame.stream, 0, reason::bad_request, "the server is too old for key-shared ones"});
        return;
    }
    auto known = frame;
    if (terms_.version < 2) known.consumer = {};
    encode(control(), known);
}
bool link_client::send_seek(const seek& frame) {
    if (!up_) return true;
    if (terms_.version < 2) return false;
    encode(control(), frame);
    return true;
}
void link_client::send_filter_add(const filter& frame) {
    if (up_) encode_filter_add(control(), frame);
}
void link_client::send_filter_remove(const filter& frame) {
    if (up_) encode_filter_remove(control(), frame);
}
void link_client::send_credit(std::uint32_t stream, std::uint64_t messages, std::uint64_t bytes) {
    if (up_) encode(control(), credit{stream, messages, bytes});
}
void link_client::send_acknowledge(std::uint32_t stream, std::span<const std::uint64_t> ranges) {
    if (up_) encode_acknowledge(control(), stream, ranges);
}
void link_client::send_negative_acknowledge(std::uint32_t stream, std::uint32_t delay_ms,
                                            std::span<const std::uint64_t> ranges) {
    if (up_) encode_negative_acknowledge(control(), stream, delay_ms, ranges);
}
void link_client::send_stream_close(std::uint32_t stream, bool remove) {
    if (up_) encode(control(), stream_close{stream, remove});
}
void link_client::send_state_put(const state_request& frame) {
    if (up_) encode_state_put(control(), frame);
}
void link_client::send_state_get(const state_request& frame) {
    if (up_) encode_state_get(control(), frame);
}

} // namespace msg_link
