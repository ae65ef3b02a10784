// What several modes report in the same words.
#pragma once

#include "common/core/json_writer.hpp"
#include "tests/bench/load/histogram.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace bench {

constexpr std::uint64_t second_ns = 1'000'000'000u;

inline std::uint64_t from_seconds(double seconds) { return static_cast<std::uint64_t>(seconds * 1e9); }

/// User and system time of this process so far.
double cpu_seconds();
/// Member `name`: count, p50, p90, p99, p999 and max, in milliseconds.
void write_latency(core::json_writer& json, const char* name, const histogram& from);
/// Member `name`: an object of how often each problem was met.
void write_counts(core::json_writer& json, const char* name, const std::map<std::string, std::uint64_t>& from);
/// One line on standard output, at once: somebody may be waiting for it.
void print_line(core::json_writer json);

} // namespace bench
