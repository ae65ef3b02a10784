#include "mapper/transform/commands.hpp"

#include "mapper/mapping/mapping_loader.hpp"
#include "mapper/transform/mapping_test.hpp"

#include <algorithm>
#include <filesystem>

namespace mapper::transform {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> expand(const std::vector<std::string>& given) {
    std::vector<std::string> files;
    for (const auto& one : given) {
        std::error_code ignored; // what cannot be listed is reported as a file that cannot be read
        if (!fs::is_directory(one, ignored)) {
            files.push_back(one);
            continue;
        }
        const auto from = files.size();
        for (fs::recursive_directory_iterator at(one, ignored), end; !ignored && at != end; at.increment(ignored))
            if (const auto extension = at->path().extension(); extension == ".yaml" || extension == ".yml")
                files.push_back(at->path().string());
        std::sort(files.begin() + static_cast<std::ptrdiff_t>(from), files.end());
    }
    return files;
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
    return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

std::string complaint_text(const mapping::loaded& of) {
    std::string out;
    for (const auto& one : of.complaints) out += one.text() + "\n";
    return out;
}

} // namespace

command_result lint(const std::vector<std::string>& given) {
    command_result out;
    std::size_t mistakes = 0;
    const auto files = expand(given);
    for (const auto& file : files) {
        const auto loaded = mapping::load_mapping_file(file, "");
        mistakes += loaded.complaints.size();
        out.text += complaint_text(loaded);
        if (loaded.made && loaded.made->tests.empty())
            out.text += file + ": note: the mapping has no `tests:`; a few make changes safe\n";
    }
    out.text += counted(files.size(), "file", "files") + ", " +
                (mistakes == 0 ? "no mistakes" : counted(mistakes, "mistake", "mistakes")) + "\n";
    if (files.empty()) out.text = "no mapping files found\n";
    out.exit_code = mistakes == 0 && !files.empty() ? 0 : 1;
    return out;
}

command_result test(const std::vector<std::string>& given) {
    command_result out;
    std::size_t passed = 0;
    std::size_t failed = 0;
    const auto files = expand(given);
    for (const auto& file : files) {
        const auto loaded = mapping::load_mapping_file(file, "");
        out.text += complaint_text(loaded);
        if (!loaded.made) {
            ++failed;
            continue;
        }
        for (const auto& one : run_tests(*loaded.made)) {
            out.text += std::string(one.passed ? "ok     " : "FAILED ") + file + ":" + std::to_string(one.line) + ": " +
                        one.name + "\n" + one.report;
            ++(one.passed ? passed : failed);
        }
    }
    out.text += std::to_string(passed) + " passed, " + std::to_string(failed) + " failed\n";
    if (files.empty()) out.text = "no mapping files found\n";
    out.exit_code = failed == 0 && !files.empty() ? 0 : 1;
    return out;
}

command_result run_dry(const std::string& file, std::string_view topic, std::string_view payload) {
    const auto loaded = mapping::load_mapping_file(file, "");
    if (!loaded.made) return {complaint_text(loaded), 1};
    if (!loaded.made->uplink) return {"this mapping sends to devices (`on:`); use its `tests:` to try it\n", 1};
    std::vector<std::string_view> named;
    if (!loaded.made->uplink->topic.match(topic, named))
        return {"the mapping does not apply: its topic is " + loaded.made->uplink->topic.written + "\n", 1};
    std::string error;
    const auto made = outputs_as_json(*loaded.made, topic, payload, "dry-run", "dry-run", error);
    if (!error.empty()) return {error + "\n", 1};
    if (made == "[]") return {"nothing would be sent: `when` does not hold, or the message has no reading\n", 0};
    return {made + "\n", 0};
}

} // namespace mapper::transform
