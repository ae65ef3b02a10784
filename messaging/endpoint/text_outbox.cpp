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
    while (true) {
        bool any = false;
        while (!frames_.empty() && to.put(core::as_bytes(frames_.front()), true)) {
            bytes_ -= frames_.front().size();
            frames_.pop_front();
            any = true;
        }
        if (any) written();
        if (!frames_.empty()) {
            const auto error = co_await to.drained();
            if (!error) continue;
            to.abort();
            co_return;
        }
        if (closing()) break;
        co_await wake_.wait();
    }
    const auto failed = co_await to.close(code_, reason_);
    if (failed) to.abort();
}

} // namespace messaging::endpoint
