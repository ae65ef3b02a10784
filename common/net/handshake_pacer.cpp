#include "common/net/handshake_pacer.hpp"

#include <algorithm>

namespace net {

handshake_pacer::handshake_pacer(asio::any_io_executor executor, const core::clock& time, duration per_turn)
    : executor_(executor), time_(time), per_turn_(per_turn), turn_(executor, [this] { on_turn(); }) {}

asio::awaitable<handshake_pacer::step> handshake_pacer::next() {
    if (!waiting_.empty() || spent_ >= per_turn_) {
        async::event granted(executor_);
        waiting_.push_back(&granted);
        turn_.kick();
        co_await granted.wait();
        std::erase(waiting_, &granted); // still there when we were cancelled
    }
    step made(*this);
    co_return made;
}

void handshake_pacer::took(core::steady_time::duration time) {
    spent_ += time;
    turn_.kick();
    if (spent_ < per_turn_) grant_one();
}

void handshake_pacer::on_turn() {
    spent_ = {};
    grant_one();
}

/// One at a time: the next is let in when that one's step has ended, so that none is measured while it waits.
void handshake_pacer::grant_one() {
    if (waiting_.empty()) return;
    auto* next = waiting_.front();
    waiting_.pop_front();
    next->notify();
}

} // namespace net
