// "Once at the end of this turn of the event loop": however often it is kicked, the function runs once after the
// handlers that are ready now. The base of adaptive batching (design §5): no timer, no delay when idle.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>

namespace async {

namespace asio = boost::asio;

class turn_call {
  public:
    turn_call(asio::any_io_executor executor, std::function<void()> call);
    /// A call still pending is dropped.
    ~turn_call();
    turn_call(const turn_call&) = delete;
    turn_call& operator=(const turn_call&) = delete;

    void kick();

  private:
    struct state;
    std::shared_ptr<state> state_;
};

} // namespace async
