#include "messaging/tools/offline_store.hpp"

#include <iostream>
#include <string_view>

namespace messaging::tools {

namespace {

constexpr const char* usage =
    R"(mqtt-messaging verify DIR                        check every byte of a store that no process uses
mqtt-messaging dump DIR [--topic T/N/NAME] [--json]  print its log, an entry a line

  DIR             data.directory of the configuration; nothing in it is changed
  --topic T/N/NAME  messages of this topic only: tenant, namespace, name
  --json          one JSON object a line

Exit codes: 0 fine, 1 verify found damage, 2 not possible (in use, not a store, of a newer version, wrong arguments).
)";

int wrong(std::string_view what) {
    std::cerr << "mqtt-messaging: " << what << "\n\n" << usage;
    return cannot;
}

} // namespace

int run_command(const std::vector<std::string>& words) {
    const bool dumps = words.front() == "dump";
    std::string directory;
    std::string topic;
    bool json = false;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const auto& word = words[i];
        if (word == "--help" || word == "-h") {
            std::cout << usage;
            return ok;
        }
        if (dumps && word == "--json")
            json = true;
        else if (dumps && word == "--topic" && i + 1 < words.size())
            topic = words[++i];
        else if (word.starts_with("-") || !directory.empty())
            return wrong("cannot use " + word);
        else
            directory = word;
    }
    if (directory.empty()) return wrong("name the store's directory");
    return dumps ? dump(directory, topic, json, std::cout, std::cerr) : verify(directory, std::cout, std::cerr);
}

} // namespace messaging::tools
