#include "messaging/endpoint/text_outbox.hpp"

namespace messaging::endpoint {

void text_outbox::push(std::string frame) {
    if (closing()) return;
    bytes_ += frame.size();
    frames_.push_back(std::move(frame));
    wake_.notify();
}

void text_outbox::close(std::uint16_t code, std::string_view reason) {
    if (closing()) return;
    code_ = code;
    reason_ = reason;
    wake_.notify();
}

void text_outbox::close_now(std::uint16_t code, std::string_view reason) {
    if (closing()) return;
    frames_.clear();
    bytes_ = 0;
    close(code, reason);
}

asio::awaitable<void> text_outbox::run(net::websocket& to, std::function<void()> written) {
    std::string frame;
    while (true) {
        if (frames_.empty() && closing()) break;
        if (frames_.empty()) {
            co_await wake_.wait();
            continue;
        }
        frame = std::move(frames_.front());
        frames_.pop_front();
        bytes_ -= frame.size();
        const auto error = co_await to.write(core::as_bytes(frame), true);
        if (error) {
            to.abort();
            co_return;
        }
        written();
    }
    const auto failed = co_await to.close(code_, reason_);
    if (failed) to.abort();
}

} // namespace messaging::endpoint
