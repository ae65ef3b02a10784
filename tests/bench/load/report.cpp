#include "tests/bench/load/report.hpp"

#include <sys/resource.h>

#include <cstdio>
#include <utility>

namespace bench {

double cpu_seconds() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

void write_latency(core::json_writer& json, const char* name, const histogram& from) {
    const auto milliseconds = [&](double share) { return static_cast<double>(from.quantile(share)) * 1e-6; };
    json.key(name)
        .object()
        .member("count", from.count())
        .member("p50", milliseconds(0.5))
        .member("p90", milliseconds(0.9));
    json.member("p99", milliseconds(0.99))
        .member("p999", milliseconds(0.999))
        .member("max", static_cast<double>(from.max()) * 1e-6);
    json.end();
}

void write_counts(core::json_writer& json, const char* name, const std::map<std::string, std::uint64_t>& from) {
    json.key(name).object();
    for (const auto& [what, count] : from) json.member(what, count);
    json.end();
}

void print_line(core::json_writer json) {
    std::puts(std::move(json.end()).text().c_str());
    std::fflush(stdout);
}

} // namespace bench
