#include "common/core/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

namespace core::log {

namespace {

// The one global of the code base: the logger (design §"main wires, no globals but the logger").
std::atomic<level> least_level{level::info};

spdlog::logger& logger() {
    static const auto instance = [] {
        auto made = std::make_shared<spdlog::logger>("main", std::make_shared<spdlog::sinks::stdout_sink_mt>());
        made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
        made->set_level(spdlog::level::debug);
        made->flush_on(spdlog::level::info);
        return made;
    }();
    return *instance;
}

bool plain(std::string_view text) noexcept {
    if (text.empty()) return false;
    for (const unsigned char c : text)
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return false;
    return true;
}

void append_quoted(std::string& line, std::string_view text) {
    constexpr std::size_t shown_max = 512; // a hostile name must not fill the log
    line.push_back('"');
    for (const unsigned char c : text.substr(0, shown_max)) {
        if (c == '"' || c == '\\') {
            line.push_back('\\');
            line.push_back(static_cast<char>(c));
        } else if (c == '\n')
            line.append("\\n");
        else if (c < ' ' || c == 0x7f)
            line.append(fmt::format("\\x{:02x}", c));
        else
            line.push_back(static_cast<char>(c));
    }
    if (text.size() > shown_max) line.append("…");
    line.push_back('"');
}

void write(level at, spdlog::level::level_enum as, std::string_view message, fields with) {
    if (!enabled(at)) return;
    std::string line{message};
    for (const auto& one : with) {
        line.push_back(' ');
        line.append(one.key);
        line.push_back('=');
        if (plain(one.value) && one.value.size() < 512)
            line.append(one.value);
        else
            append_quoted(line, one.value);
    }
    logger().log(as, "{}", line);
}

} // namespace

void start(std::string_view program, level least) {
    least_level.store(least);
    logger().set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l [" + std::string(program) + "] %v");
}

void set_level(level least) noexcept { least_level.store(least); }

bool parse_level(std::string_view text, level& into) {
    constexpr std::pair<std::string_view, level> names[] = {{"debug", level::debug},
                                                            {"info", level::info},
                                                            {"warn", level::warn},
                                                            {"error", level::error},
                                                            {"off", level::off}};
    for (const auto& [name, value] : names)
        if (name == text) {
            into = value;
            return true;
        }
    return false;
}

bool enabled(level at) noexcept { return at >= least_level.load(std::memory_order_relaxed); }

void debug(std::string_view message, fields with) { write(level::debug, spdlog::level::debug, message, with); }
void info(std::string_view message, fields with) { write(level::info, spdlog::level::info, message, with); }
void warn(std::string_view message, fields with) { write(level::warn, spdlog::level::warn, message, with); }
void error(std::string_view message, fields with) { write(level::error, spdlog::level::err, message, with); }

} // namespace core::log
