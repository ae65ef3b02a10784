#include "common/notification2/consumer.hpp"

#include "common/async/tokens.hpp"
#include "common/core/log.hpp"
#include "common/core/percent.hpp"

#include <boost/asio/steady_timer.hpp>

namespace notification2 {

consumer::consumer(asio::any_io_executor executor, consumer_options options, consumer_handler& handler)
    : executor_(executor), options_(std::move(options)), handler_(handler), tasks_(executor, options_.name),
      wake_(executor), backoff_(options_.reconnect_first, options_.reconnect_max) {}

consumer::~consumer() = default;

void consumer::start() { tasks_.spawn("run", run()); }

asio::awaitable<void> consumer::stop() {
    stopping_ = true;
    tasks_.stop();
    if (socket_) socket_->abort();
    co_await tasks_.join();
    connected_ = false;
}

void consumer::failed(std::string why) {
    if (why != last_error_ && !stopping_)
        core::log::warn("notifications not connected", {{"consumer", options_.name}, {"why", why}});
    last_error_ = std::move(why);
}

asio::awaitable<void> consumer::run() {
    while (!stopping_) {
        const bool opened = co_await connect();
        if (opened) {
            async::task_group writer(executor_, options_.name);
            writer.spawn("write", write_all(socket_));
            auto why = co_await read_all();
            connected_ = false;
            socket_->abort();
            writer.stop();
            wake_.notify();
            co_await writer.join();
            acknowledgements_.clear();
            failed(std::move(why));
        }
        if (stopping_) co_return;
        asio::steady_timer timer(executor_);
        timer.expires_after(backoff_.next());
        auto [error] = co_await timer.async_wait(async::as_result);
        if (error) co_return;
    }
}

asio::awaitable<bool> consumer::connect() {
    if (token_.empty()) token_ = co_await handler_.token();
    if (token_.empty()) {
        failed("no token");
        co_return false;
    }
    net::websocket_target target;
    target.url = options_.url + "/notification2/consumer/?token=" + core::percent_encode(token_);
    if (!options_.client.empty()) target.url += "&consumer=" + core::percent_encode(options_.client);
    target.ca_file = options_.ca_file;
    target.options.idle_timeout = options_.idle_timeout;
    target.options.message_bytes_max = options_.message_bytes_max;
    net::upgrade_refusal refusal;
    auto opened = co_await net::websocket_connect(std::move(target), &refusal);
    if (!opened) {
        if (refusal.status == 401) token_.clear();
        failed(refusal.status != 0 ? "HTTP " + std::to_string(refusal.status) : opened.error().message());
        co_return false;
    }
    socket_ = std::move(*opened);
    ++connection_;
    connected_ = true;
    last_error_.clear();
    backoff_.reset();
    core::log::info("notifications connected", {{"consumer", options_.name}});
    handler_.on_connected();
    co_return true;
}

asio::awaitable<std::string> consumer::read_all() {
    std::string frame;
    while (true) {
        const auto got = co_await socket_->read(frame);
        if (!got) {
            auto why = got.error().message();
            if (socket_->close_code() != 0)
                why += ": " + std::to_string(socket_->close_code()) + " " + socket_->close_reason();
            co_return why;
        }
        take(frame);
    }
}

/// Every message must be accepted and acknowledged, also unexpected ones (ref C.8).
void consumer::take(const std::string& frame) {
    const auto parsed = parse_notification(frame);
    if (parsed) {
        handler_.on_notification(*parsed, connection_);
        return;
    }
    core::log::warn("a notification was not understood",
                    {{"consumer", options_.name}, {"why", parsed.error().message()}});
    acknowledge(connection_, std::string(ack_header_of(frame)));
}

void consumer::acknowledge(std::uint64_t connection, std::string ack_header) {
    if (connection != connection_ || !connected_ || ack_header.empty()) return;
    acknowledgements_.push_back(std::move(ack_header));
    wake_.notify();
}

asio::awaitable<void> consumer::write_all(std::shared_ptr<net::websocket> over) {
    while (true) {
        if (acknowledgements_.empty()) {
            co_await wake_.wait();
            continue;
        }
        const std::string next = std::move(acknowledgements_.front());
        acknowledgements_.pop_front();
        const auto error = co_await over->write(core::as_bytes(next), true);
        if (error) {
            over->abort(); // the reader tells why
            co_return;
        }
    }
}

} // namespace notification2
