// Runs the `tests:` of a mapping without platform and network: what the mapping makes of `in` must be `out`. A reported
// difference names the path, what was expected and what came.
#pragma once

#include "mapper/mapping/mapping.hpp"

#include <string>
#include <vector>

namespace mapper::transform {

struct test_outcome {
    std::string name;
    int line = 0;
    bool passed = false;
    std::string report; ///< empty when it passed; else lines for a person
};

std::vector<test_outcome> run_tests(const mapping::mapping& of);

/// What a mapping makes of one message, as the JSON list that `out:` is compared with. On failure `error` says why.
std::string outputs_as_json(const mapping::mapping& of, std::string_view topic, std::string_view payload,
                            std::string_view client_id, std::string_view user, std::string& error);

/// Differences between two JSON texts, one line each; a `time` that is not expected is not compared.
std::string json_difference(std::string_view expected, std::string_view got);

} // namespace mapper::transform
