// Levelled logging: one event per line, a fixed message, key=value fields after it.
//   log::info("client connected", {{"tenant", t}, {"client", c}, {"version", 5}});
// error = someone must act; warn = degraded; info = life cycle; debug = per packet. Never payloads, passwords, tokens.
// Values with blanks, quotes or control characters are quoted and escaped, so that a hostile name stays one field.
// Thread-safe. `log.cpp` is the only file that sees spdlog.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace core::log {

enum class level { debug, info, warn, error, off };

struct field {
    std::string_view key;
    std::string value;
    field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
    field(std::string_view k, std::string_view v) : key(k), value(v) {}
    field(std::string_view k, const char* v) : key(k), value(v) {}
    field(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
    template <class Number>
        requires(std::integral<Number> && !std::same_as<Number, bool>)
    field(std::string_view k, Number v) : key(k), value(std::to_string(v)) {}
};

using fields = std::initializer_list<field>;

/// Sets the level and the program name shown on each line. Call once at start.
void start(std::string_view program, level least);
/// Changes the level while running.
void set_level(level least) noexcept;
/// `debug`, `info`, `warn`, `error`, `off`; anything else is false and leaves `into` alone.
bool parse_level(std::string_view text, level& into);
bool enabled(level at) noexcept;

void debug(std::string_view message, fields with = {});
void info(std::string_view message, fields with = {});
void warn(std::string_view message, fields with = {});
void error(std::string_view message, fields with = {});

} // namespace core::log
