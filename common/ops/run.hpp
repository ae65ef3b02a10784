// What the mains share: arguments, --help/--version, signals, the loop, and the health question of a container's health
// check. A `Service` has start(std::string& why_not), awaitable<void> stop(), reload().
#pragma once

#include "common/core/log.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ops {

namespace asio = boost::asio;

/// `command --key value --flag`; also `--key=value`.
class arguments {
  public:
    arguments(int count, char** texts, std::set<std::string> with_value);
    /// The first word that is no option; empty when there is none.
    const std::string& command() const noexcept { return words_.empty() ? none_ : words_.front(); }
    const std::vector<std::string>& words() const noexcept { return words_; }
    std::string value(const std::string& key, const std::string& otherwise) const;
    bool has(const std::string& flag) const { return values_.contains(flag); }
    /// Options nobody knows, or without their value.
    const std::string& mistake() const noexcept { return mistake_; }
    void allow_flag(const std::string& flag) { flags_.insert(flag); }

  private:
    std::vector<std::string> words_;
    std::map<std::string, std::string> values_;
    std::set<std::string> flags_;
    std::string mistake_;
    std::string none_;
};

/// Exit code when `--help`, `--version` or a mistake ends the program at once.
std::optional<int> answer_common(const char* program, const char* usage, const arguments& given);

/// Asks `http://127.0.0.1:port/health`; 0 when it answers 200, else 1 with the answer on standard error. Blocks.
int ask_health(const std::string& port);

/// Runs the service until SIGINT or SIGTERM; SIGHUP reloads. A stop that takes longer than 9 s is cut short.
template <class Service, class Settings> int run(Settings settings) {
    asio::io_context loop(1);
    Service service(loop, std::move(settings));
    std::string why_not;
    if (!service.start(why_not)) {
        core::log::error("not started", {{"why", why_not}});
        std::cerr << why_not << (why_not.ends_with('\n') ? "" : "\n");
        return 1;
    }
    asio::signal_set reloads(loop, SIGHUP);
    std::function<void(boost::system::error_code, int)> on_reload = [&](boost::system::error_code error, int) {
        if (error) return;
        service.reload();
        reloads.async_wait(on_reload);
    };
    reloads.async_wait(on_reload);
    asio::signal_set ends(loop, SIGINT, SIGTERM);
    asio::steady_timer patience(loop);
    ends.async_wait([&](boost::system::error_code error, int signal) {
        if (error) return;
        core::log::info("stopping", {{"signal", signal}});
        patience.expires_after(std::chrono::seconds(9));
        patience.async_wait([](boost::system::error_code late) {
            if (late) return;
            core::log::warn("stopping took too long; ending without waiting");
            std::_Exit(1); // what still runs refers to the service: nothing of it may be taken apart under it
        });
        asio::co_spawn(loop, service.stop(), [&](const std::exception_ptr&) { loop.stop(); });
    });
    loop.run();
    core::log::info("stopped");
    return 0;
}

} // namespace ops
