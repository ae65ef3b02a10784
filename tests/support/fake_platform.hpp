// The platform as `platform::rest` shows it: requests wait until the test answers them, each told apart by who asked
// and what. No sockets; the loop runs when the test says so.
#pragma once

#include "common/async/event.hpp"
#include "common/platform/platform_client.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace support {

class fake_platform {
  public:
    struct request {
        explicit request(const boost::asio::any_io_executor& executor) : there(executor) {}
        platform::credentials who;
        platform::call what;
        async::event there;
        std::optional<platform::reply> answer;
    };

    boost::asio::io_context loop{1};
    std::deque<std::shared_ptr<request>> asked; ///< not answered yet, oldest first
    std::size_t requests = 0;
    /// When set, answers at once what it has an answer for.
    std::function<std::optional<platform::reply>(const request&)> serve;

    std::unique_ptr<platform::rest> as(const platform::credentials& who) { return std::make_unique<door>(*this, who); }
    auto factory() {
        return [this](const platform::credentials& who) { return as(who); };
    }

    /// Until nothing is left to do without an answer or the passing of time.
    void run() {
        loop.restart();
        loop.poll();
    }

    static platform::reply reply(unsigned status, std::string body = {}, std::chrono::seconds retry_after = {}) {
        platform::reply made;
        made.status = status;
        made.body = std::move(body);
        if (!made.ok()) {
            made.problem = platform::read_error(status, made.body);
            made.problem.retry_after = retry_after;
        }
        return made;
    }

    /// Answers the oldest request and runs what follows; status 0 is no answer at all.
    void answer(unsigned status, std::string body = {}, std::chrono::seconds retry_after = {}) {
        const auto one = asked.front();
        asked.pop_front();
        one->answer = reply(status, std::move(body), retry_after);
        one->there.notify();
        run();
    }

  private:
    class door final : public platform::rest {
      public:
        door(fake_platform& at, platform::credentials who) : at_(at), who_(std::move(who)) {}

        boost::asio::awaitable<platform::reply> send(platform::call what) override {
            const auto made = std::make_shared<request>(at_.loop.get_executor());
            made->who = who_;
            made->what = std::move(what);
            ++at_.requests;
            if (at_.serve) made->answer = at_.serve(*made);
            if (!made->answer) {
                at_.asked.push_back(made);
                co_await made->there.wait();
            }
            if (!made->answer) made->answer = reply(0); // cancelled
            co_return *made->answer;
        }

      private:
        fake_platform& at_;
        platform::credentials who_;
    };
};

} // namespace support
