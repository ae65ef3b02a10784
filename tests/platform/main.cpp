// platform-sim: parses arguments, serves until SIGTERM or SIGINT.
#include "common/core/clock.hpp"
#include "common/core/log.hpp"
#include "tests/platform/server/options.hpp"
#include "tests/platform/server/server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <cstdio>

namespace {

namespace asio = net::asio;

asio::awaitable<void> stop_all(platform_sim::server::server* serving, asio::io_context* loop) {
    co_await serving->stop();
    loop->stop();
}

int serve(const platform_sim::server::options& with) {
    core::log::start("platform-sim", core::log::level::info);
    const core::system_clock clock;
    asio::io_context loop(1);
    platform_sim::server::server serving(loop.get_executor(), with, clock);
    if (const auto opened = serving.open(); !opened) {
        core::log::error("cannot listen",
                         {{"address", with.address}, {"port", with.port}, {"reason", opened.error().message()}});
        return 1;
    }
    core::log::info(
        "serving",
        {{"address", with.address}, {"port", serving.port()}, {"users", with.platform.accounts.all().size()}});
    asio::signal_set signals(loop, SIGTERM, SIGINT);
    signals.async_wait([&](boost::system::error_code, int) {
        asio::co_spawn(loop, stop_all(&serving, &loop), asio::detached); // stop_all ends the loop, nothing outlives it
    });
    loop.run();
    return 0;
}

} // namespace

int main(int count, char** values) {
    const auto parsed = platform_sim::server::parse_options({values + 1, values + count});
    if (!parsed.problem.empty()) {
        std::fprintf(stderr, "platform-sim: %s\n", parsed.problem.c_str());
        return 2;
    }
    if (parsed.value.help) {
        std::fputs(platform_sim::server::usage().c_str(), stdout);
        return 0;
    }
    return serve(parsed.value);
}
