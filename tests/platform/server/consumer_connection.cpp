#include "tests/platform/server/consumer_connection.hpp"

#include "common/async/task_group.hpp"

#include <boost/asio/this_coro.hpp>

namespace platform_sim::server {

namespace asio = net::asio;

consumer_connection::consumer_connection(std::unique_ptr<net::websocket> socket, model::notification_hub& hub,
                                         model::notification_hub::attachment as, registry& all)
    : socket_(std::move(socket)), hub_(&hub), as_(std::move(as)), all_(all), changed_(socket_->executor()) {
    all_.insert(this);
}

consumer_connection::~consumer_connection() {
    if (number_ != 0) hub_->detach(number_);
    all_.erase(this);
}

asio::awaitable<void> consumer_connection::run() {
    // A cancelled await returns its error here, so that the writer is always joined.
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto attached = hub_->attach(as_, *this);
    if (!attached) { // another client was faster between the upgrade's answer and this
        const auto closed = co_await socket_->close(1008, "the subscriber has a connected client already");
        (void)closed;
        co_return;
    }
    number_ = *attached;
    async::task_group tasks(socket_->executor(), "consumer");
    tasks.spawn("writer", write_all());
    co_await read_all();
    if (number_ != 0) {
        hub_->detach(number_);
        number_ = 0;
    }
    read_failed_ = true;
    socket_->abort();
    changed_.notify();
    tasks.stop();
    co_await tasks.join();
}

asio::awaitable<void> consumer_connection::read_all() {
    std::string text;
    for (;;) {
        const auto got = co_await socket_->read(text);
        if (!got) co_return;
        take(text);
    }
}

void consumer_connection::take(const std::string& text) {
    if (number_ == 0) return;
    if (text == "unsubscribe_subscriber")
        (void)hub_->unsubscribe(as_.topic, as_.subscriber); // ends this one too
    else
        hub_->acknowledge(number_, text);
}

asio::awaitable<void> consumer_connection::write_all() {
    while (!read_failed_) {
        while (!outbox_.empty()) {
            const std::string frame = std::move(outbox_.front());
            outbox_.pop_front();
            const auto failed = co_await socket_->write(core::as_bytes(frame), true);
            if (failed) {
                socket_->abort(); // the reader notices and ends the connection
                co_return;
            }
        }
        if (ended_) {
            const auto failed = co_await socket_->close(1000, "unsubscribed");
            (void)failed;
            co_return;
        }
        co_await changed_.wait();
    }
}

void consumer_connection::deliver(std::string frame) {
    outbox_.push_back(std::move(frame));
    changed_.notify();
}

void consumer_connection::end() {
    number_ = 0; // the hub has forgotten us
    ended_ = true;
    outbox_.clear();
    changed_.notify();
}

void consumer_connection::release() {
    if (number_ != 0) hub_->detach(number_);
    end();
}

} // namespace platform_sim::server
