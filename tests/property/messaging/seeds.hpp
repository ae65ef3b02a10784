// Runs seeds of a campaign: those that ever failed first (regression_seeds.txt, lines of "NAME seed"), then random or
// given ones. Environment: <NAME>_SEED the first seed (<NAME>_FIRST: too, with the regression seeds before it),
// <NAME>_RUNS how many, <NAME>_PROGRESS a line every so many runs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace property {

/// `run` returns what was wrong, empty when nothing; fails the Catch test with the seed then.
void each_seed(const std::string& name, std::uint64_t runs_by_default,
               const std::function<std::string(std::uint64_t seed)>& run);

} // namespace property
