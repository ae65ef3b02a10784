// mqtt-mapper: arguments, signals, exit codes. `--help` tells the commands.
#include "common/core/log.hpp"
#include "common/ops/run.hpp"
#include "mapper/config.hpp"
#include "mapper/mapping/mapping_set.hpp"
#include "mapper/service.hpp"
#include "mapper/transform/commands.hpp"

#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace {

constexpr const char* usage =
    R"(mqtt-mapper - maps MQTT messages to the platform's REST API and operations to MQTT commands

  mqtt-mapper --config FILE                 run
  mqtt-mapper --config FILE --check         check the file, print the settings in force, exit
  mqtt-mapper lint FILE|DIRECTORY…          check mappings; exit 1 when there are mistakes
  mqtt-mapper test FILE|DIRECTORY…          run the tests: of mappings; exit 1 when one fails
  mqtt-mapper run --dry FILE --topic TOPIC  show what a mapping makes of the message on standard input
  mqtt-mapper explain TOPIC --mappings DIRECTORY [--tenant TENANT]
                                            show which mappings a message on TOPIC goes to
  mqtt-mapper health [--port 8083]          exit 0 when the running program is ready
  mqtt-mapper --version
)";

std::vector<std::string> rest_of(const std::vector<std::string>& words) { return {words.begin() + 1, words.end()}; }

int misused(const std::string& what) {
    std::cerr << "mqtt-mapper: " << what << "\n\n" << usage;
    return 2;
}

int show(const mapper::transform::command_result& of) {
    (of.exit_code == 0 ? std::cout : std::cerr) << of.text << (of.text.empty() || of.text.ends_with('\n') ? "" : "\n");
    return of.exit_code;
}

int explain_topic(const std::string& topic, const std::string& directory, const std::string& only) {
    using mapper::mapping::mapping_index;
    bool any = false;
    for (const auto& tenant : mapper::mapping::tenants_in(directory)) {
        if (!only.empty() && tenant != only) continue;
        const auto read = mapper::mapping::load_tenant(directory, tenant);
        for (const auto& one : read.complaints) std::cerr << one.text() << "\n";
        if (!read.made) return 1;
        std::vector<mapping_index::match> found;
        read.made->index().find(topic, found);
        for (const auto& match : found) {
            any = true;
            const bool answer = match.as == mapping_index::purpose::response;
            std::cout << tenant << ": " << match.of->name << (answer ? " (response)" : "") << "  " << match.of->file
                      << "\n";
        }
    }
    if (!any) std::cout << "no mapping takes " << topic << "\n";
    return 0;
}

} // namespace

int main(int count, char** texts) {
    const ops::arguments given(count, texts, {"--config", "--port", "--topic", "--mappings", "--tenant"});
    const auto& words = given.words();
    const auto& command = given.command();
    if (command == "health") return ops::ask_health(given.value("--port", "8083"));
    if (command == "lint" || command == "test") {
        if (words.size() < 2) return misused(command + " needs files or directories");
        return show(command == "lint" ? mapper::transform::lint(rest_of(words))
                                      : mapper::transform::test(rest_of(words)));
    }
    if (command == "run") {
        if (words.size() != 2 || !given.has("--dry") || !given.has("--topic"))
            return misused("run needs --dry, FILE and --topic");
        const std::string payload(std::istreambuf_iterator<char>(std::cin), {});
        return show(mapper::transform::run_dry(words[1], given.value("--topic", ""), payload));
    }
    if (command == "explain") {
        if (words.size() != 2 || !given.has("--mappings"))
            return misused("explain needs TOPIC and --mappings DIRECTORY");
        return explain_topic(words[1], given.value("--mappings", ""), given.value("--tenant", ""));
    }
    if (!command.empty()) return misused("unknown command " + command);
    const auto stop = ops::answer_common("mqtt-mapper", usage, given);
    if (stop) return *stop;
    mapper::config settings;
    std::string complaints;
    if (!mapper::load(given.value("--config", ""), settings, complaints)) {
        std::cerr << complaints;
        return 2;
    }
    if (given.has("--check")) {
        std::cout << mapper::describe(settings);
        return 0;
    }
    core::log::start("mqtt-mapper", settings.log_level);
    return ops::run<mapper::service>(std::move(settings));
}
