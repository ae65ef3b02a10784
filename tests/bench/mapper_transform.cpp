// Messages a second through one mapping (the design's example by default), decode to finished request bodies, one
// thread.
//   bench_mapper_transform [MAPPING.yaml] [SECONDS]
#include "mapper/mapping/mapping_loader.hpp"
#include "mapper/mapping/mapping_set.hpp"
#include "mapper/transform/uplink_transform.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace {

using clock_type = std::chrono::steady_clock;

double seconds_since(clock_type::time_point from) {
    return std::chrono::duration<double>(clock_type::now() - from).count();
}

double messages_per_second(const mapper::mapping::mapping& of, double seconds) {
    const std::string payload =
        R"({"ver":2,"dev":{"sn":"A1"},"ts":"2026-01-01T00:00:00Z","data":{"temp":20.5},"bat":{"v":3.1,"pct":80}})";
    mapper::transform::uplink_transform transform;
    mapper::transform::uplink_result result;
    std::uint64_t count = 0;
    const auto from = clock_type::now();
    do {
        for (int i = 0; i < 1000; ++i) {
            transform.open({"site/berlin/r7/env", payload, "client", "user", 1'767'225'600'000});
            if (transform.apply(of, result) != mapper::transform::uplink_status::made) {
                std::fprintf(stderr, "the mapping made nothing: %s\n", result.error.text().c_str());
                std::exit(1);
            }
        }
        count += 1000;
    } while (seconds_since(from) < seconds);
    return static_cast<double>(count) / seconds_since(from);
}

double dispatch_ns(std::size_t mappings) {
    std::vector<mapper::mapping::mapping> all(mappings);
    mapper::mapping::mapping_index index;
    for (std::size_t i = 0; i < mappings; ++i) {
        auto parsed = mapper::mapping::parse_topic_filter("site/{site}/unit" + std::to_string(i) + "/env");
        all[i].uplink.emplace().topic = std::get<mapper::mapping::topic_filter>(std::move(parsed));
        index.add(all[i]);
    }
    std::vector<mapper::mapping::mapping_index::match> found;
    const auto from = clock_type::now();
    constexpr int rounds = 200'000;
    for (int i = 0; i < rounds; ++i) {
        found.clear();
        index.find("site/berlin/unit77/env", found);
    }
    return seconds_since(from) * 1e9 / rounds;
}

} // namespace

int main(int argc, char** argv) {
    const char* file = argc > 1 ? argv[1] : "deploy/mappings/t0815/room-climate.yaml";
    const auto loaded = mapper::mapping::load_mapping_file(file, "bench");
    for (const auto& one : loaded.complaints) std::fprintf(stderr, "%s\n", one.text().c_str());
    if (!loaded.made) return 1;
    const double rate = messages_per_second(*loaded.made, argc > 2 ? std::atof(argv[2]) : 2.0);
    std::printf("{\"mapping\":\"%s\",\"messages_per_second\":%.0f,\"dispatch_over_10000_ns\":%.0f}\n",
                loaded.made->name.c_str(), rate, dispatch_ns(10'000));
}
