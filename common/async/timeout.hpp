// A bound on an operation that can be ended by closing something: create, await the operation, ask `late()`.
//   timeout limit(executor, 5s, [&] { socket.close(); });
//   auto [error] = co_await …;  if (limit.late()) return errc::timeout;
// For connects, handshakes and requests; hot paths keep a deadline and look at it now and then instead.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace async {

namespace asio = boost::asio;

class timeout {
  public:
    /// Calls `on_late` once on the executor's thread when `after` has passed and this object still lives.
    timeout(asio::any_io_executor executor, std::chrono::milliseconds after, std::function<void()> on_late);
    ~timeout();
    timeout(const timeout&) = delete;
    timeout& operator=(const timeout&) = delete;

    /// Ends the bound; `on_late` will not be called any more.
    void cancel() noexcept;
    bool late() const noexcept;

  private:
    struct state;
    std::shared_ptr<state> state_;
};

} // namespace async
