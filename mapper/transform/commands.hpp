// What `mqtt-mapper lint|test|run --dry` do, as functions: text for a person and an exit code, so that main only
// dispatches.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mapper::transform {

struct command_result {
    std::string text;
    int exit_code = 0; ///< 0 fine, 1 mistakes found or a test failed
};

/// Checks files, or all *.yaml below directories.
command_result lint(const std::vector<std::string>& files);
/// Runs the `tests:` of the files.
command_result test(const std::vector<std::string>& files);
/// Shows what one mapping makes of one message, without sending anything.
command_result run_dry(const std::string& file, std::string_view topic, std::string_view payload);

} // namespace mapper::transform
